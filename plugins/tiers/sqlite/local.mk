# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/l2_sqlite.la plugins/l3_sqlite.la
EXTRA_DIST += %D%/README.md

# Both tiers are one store with two schemas; the store is compiled once.
noinst_LTLIBRARIES += %D%/libstore.la
%C%_libstore_la_SOURCES = \
    %D%/checkpoint.c %D%/connect.c %D%/damaged_table.c %D%/fail.c %D%/file.c %D%/format.c %D%/history.c \
    %D%/index_check.c %D%/layout.c %D%/lease.c %D%/many.c %D%/ops.c %D%/owner.c %D%/packed.c %D%/packed.h \
    %D%/pool.c %D%/quarantine.c %D%/recover.c %D%/repair_schema.c %D%/rows.c %D%/salvage.c %D%/salvage.h \
    %D%/schema.c %D%/schema.h %D%/select.c %D%/select.h %D%/select_check.c %D%/select_index.c \
    %D%/select_memory.c %D%/select_plan.c %D%/select_random.c %D%/select_sets.c %D%/select_text.c \
    %D%/select_ttl.c %D%/select_walk.c %D%/statement.c %D%/store.c %D%/store.h %D%/tables.c %D%/text.c \
    %D%/times.h %D%/tombstones.c %D%/txn.c %D%/versions.c
%C%_libstore_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_libstore_la_LIBADD = $(SQLITE_LIBS) -lpthread -lm

plugins_l2_sqlite_la_SOURCES = %D%/l2_sqlite.c
plugins_l2_sqlite_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
plugins_l2_sqlite_la_LDFLAGS = $(plugin_ldflags)
plugins_l2_sqlite_la_LIBADD = %D%/libstore.la

plugins_l3_sqlite_la_SOURCES = %D%/l3_sqlite.c
plugins_l3_sqlite_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
plugins_l3_sqlite_la_LDFLAGS = $(plugin_ldflags)
plugins_l3_sqlite_la_LIBADD = %D%/libstore.la
