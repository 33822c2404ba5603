# SPDX-License-Identifier: MIT
EXTRA_DIST += \
    %D%/fixtures/jsonl-6a09ef4/shard_00.jsonl %D%/fixtures/jsonl-6a09ef4/shard_01.jsonl \
    %D%/fixtures/jsonl-6a09ef4/shard_02.jsonl %D%/fixtures/jsonl-6a09ef4/shard_03.jsonl
c_tests += \
    %D%/eviction_test %D%/exact_eviction_test %D%/fault_test %D%/fault_versions_test %D%/fernet_test \
    %D%/jsonl_checksum_test %D%/jsonl_clear_test %D%/jsonl_damage_test %D%/jsonl_format_test %D%/jsonl_identity_test %D%/jsonl_log_test \
    %D%/jsonl_versions_test %D%/sqlite_damage_test %D%/sqlite_faults_test %D%/sqlite_index_test \
    %D%/sqlite_packed_test %D%/sqlite_packing_test %D%/sqlite_picks_test %D%/sqlite_salvage_test %D%/sqlite_select_index_test %D%/sqlite_select_test \
    %D%/sqlite_tiers_test %D%/sqlite_versions_test %D%/stacked_tier_test %D%/tiers_test
%C%_eviction_test_SOURCES = %D%/eviction_test.c t/lib/plugin_user.c t/lib/plugin_user.h
%C%_eviction_test_CPPFLAGS = $(core_test_cppflags)
%C%_fernet_test_SOURCES = %D%/fernet_test.c t/lib/plugin_user.c t/lib/plugin_user.h
%C%_fernet_test_CPPFLAGS = $(core_test_cppflags)
%C%_stacked_tier_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_checksum_test_SOURCES = \
    %D%/jsonl_checksum_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_checksum_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_clear_test_SOURCES = %D%/jsonl_clear_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_clear_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_clear_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_jsonl_damage_test_SOURCES = %D%/jsonl_damage_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_damage_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_format_test_SOURCES = \
    %D%/jsonl_format_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_format_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_format_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_jsonl_identity_test_SOURCES = \
    %D%/jsonl_identity_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_identity_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_identity_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_jsonl_versions_test_SOURCES = \
    %D%/jsonl_versions_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/jsonl_kit.h
%C%_jsonl_versions_test_CPPFLAGS = $(core_test_cppflags)
%C%_jsonl_log_test_SOURCES = %D%/jsonl_log_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/tiers_kit.h
%C%_jsonl_log_test_CPPFLAGS = $(core_test_cppflags)
%C%_tiers_test_SOURCES = %D%/tiers_test.c t/lib/plugin_user.c t/lib/plugin_user.h t/lib/tiers_kit.h
%C%_tiers_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_packed_test_SOURCES = %D%/sqlite_packed_test.c plugins/tiers/sqlite/packed.c
%C%_sqlite_packed_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_packed_test_LDADD = libcore.la $(SQLITE_LIBS) -lm
%C%_sqlite_packing_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_packing_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_picks_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_picks_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_select_index_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_select_index_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_select_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_select_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_tiers_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_tiers_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_versions_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_versions_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_damage_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_damage_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_salvage_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_salvage_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_salvage_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_sqlite_index_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_index_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_sqlite_faults_test_CPPFLAGS = $(core_test_cppflags)
%C%_sqlite_faults_test_LDADD = libcore.la $(SQLITE_LIBS)
%C%_exact_eviction_test_LDADD = libproxtier.la
%C%_fault_test_LDADD = libproxtier.la
%C%_fault_versions_test_CPPFLAGS = $(core_test_cppflags)

# Plugins that the loader must refuse, or must take although they look odd; and the examples, built as plugins.
refused_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_LTLIBRARIES += \
    %D%/refused/long_instance.la %D%/refused/long_struct.la %D%/refused/misnamed.la %D%/refused/no_get.la %D%/refused/not_a_plugin.la \
    %D%/refused/other_candidate.la %D%/refused/other_major.la %D%/refused/unknown_flag.la \
    %D%/refused/asks.la %D%/refused/doorkeeper.la %D%/refused/forgetful.la %D%/refused/table.la %D%/refused/folder.la \
    %D%/refused/faraway.la %D%/refused/far_without_order.la %D%/refused/searching.la
%C%_refused_faraway_la_SOURCES = t/chain/faraway.c
%C%_refused_faraway_la_LDFLAGS = $(refused_ldflags)
%C%_refused_faraway_la_LIBADD = -lpthread
%C%_refused_searching_la_SOURCES = t/select/searching.c
%C%_refused_searching_la_LDFLAGS = $(refused_ldflags)
%C%_refused_far_without_order_la_LDFLAGS = $(refused_ldflags)
%C%_refused_long_instance_la_LDFLAGS = $(refused_ldflags)
%C%_refused_long_struct_la_LDFLAGS = $(refused_ldflags)
%C%_refused_misnamed_la_LDFLAGS = $(refused_ldflags)
%C%_refused_no_get_la_LDFLAGS = $(refused_ldflags)
%C%_refused_not_a_plugin_la_LDFLAGS = $(refused_ldflags)
%C%_refused_other_candidate_la_LDFLAGS = $(refused_ldflags)
%C%_refused_other_major_la_LDFLAGS = $(refused_ldflags)
%C%_refused_unknown_flag_la_LDFLAGS = $(refused_ldflags)
%C%_refused_asks_la_SOURCES = %D%/telling/asks.c
%C%_refused_asks_la_LDFLAGS = $(refused_ldflags)
%C%_refused_doorkeeper_la_SOURCES = %D%/telling/doorkeeper.c
%C%_refused_doorkeeper_la_LDFLAGS = $(refused_ldflags)
%C%_refused_forgetful_la_SOURCES = examples/forgetful.c
%C%_refused_forgetful_la_LDFLAGS = $(refused_ldflags)
%C%_refused_table_la_SOURCES = examples/table.c
%C%_refused_table_la_LDFLAGS = $(refused_ldflags)
%C%_refused_folder_la_SOURCES = examples/folder.c
%C%_refused_folder_la_LDFLAGS = $(refused_ldflags)
# The example over LMDB, where that is.
if HAVE_LMDB
check_LTLIBRARIES += %D%/lmdb/lmdb.la
%C%_lmdb_lmdb_la_SOURCES = \
    examples/lmdb/history.c examples/lmdb/lmdb.c examples/lmdb/rows.c examples/lmdb/store.c examples/lmdb/walks.c
%C%_lmdb_lmdb_la_CFLAGS = $(AM_CFLAGS) $(LMDB_CFLAGS) -fvisibility=hidden
%C%_lmdb_lmdb_la_LDFLAGS = $(refused_ldflags)
%C%_lmdb_lmdb_la_LIBADD = $(LMDB_LIBS) -lpthread
c_tests += %D%/lmdb_test
%C%_lmdb_test_LDADD = libproxtier.la
endif
script_tests += %D%/debugger.t %D%/folder_damage.t %D%/lmdb.t %D%/older_hints.t %D%/sqlite_python.t %D%/sqlite_upgrade.t %D%/tcp_store.t
EXTRA_DIST += \
    %D%/fixtures/README.md %D%/fixtures/before_versions/history %D%/fixtures/before_versions/l2.jsonl %D%/fixtures/before_versions/l2_cache.db \
    %D%/fixtures/before_versions/l3.jsonl %D%/fixtures/before_versions/px.db %D%/fixtures/before_versions/test.key
check_LTLIBRARIES += %D%/refused/unresolved.la
%C%_refused_unresolved_la_LDFLAGS = $(refused_ldflags)
