# SPDX-License-Identifier: MIT
c_tests += \
    %D%/admission_test %D%/batch_test %D%/calls_test %D%/chain_test %D%/clear_test %D%/close_test %D%/dead_test \
    %D%/dead_victim_test %D%/degrade_test %D%/delete_many_test %D%/each_test %D%/exchange_clear_test \
    %D%/exchange_test %D%/fail_safe_test %D%/falter_test %D%/fork_test %D%/get_many_test %D%/hosts_copies_test \
    %D%/hosts_failures_test %D%/hosts_many_test %D%/hosts_reopened_test %D%/hosts_reports_test %D%/hosts_soak_test %D%/hosts_test \
    %D%/learnt_test %D%/live_counters_test %D%/members_test %D%/model_test %D%/notice_test %D%/overtaken_test \
    %D%/pass_damage_test %D%/power_test %D%/probe_test %D%/processes_test %D%/reports_test %D%/shortage_test \
    %D%/skew_test %D%/slow_tier_test %D%/threads_test %D%/totals_test %D%/ttl_test %D%/unload_test
%C%_admission_test_LDADD = libproxtier.la
%C%_batch_test_LDADD = libproxtier.la
%C%_calls_test_LDADD = libproxtier.la
%C%_chain_test_LDADD = libproxtier.la
%C%_clear_test_LDADD = libproxtier.la
%C%_close_test_LDADD = libproxtier.la
%C%_dead_test_LDADD = libproxtier.la
%C%_dead_victim_test_CPPFLAGS = $(core_test_cppflags)
%C%_degrade_test_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_degrade_test_LDADD = libproxtier.la $(SQLITE_LIBS)
%C%_delete_many_test_LDADD = libproxtier.la
%C%_delete_many_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_each_test_LDADD = libproxtier.la
%C%_exchange_clear_test_SOURCES = %D%/exchange_clear_test.c %D%/hosts.h
%C%_exchange_clear_test_LDADD = libproxtier.la
%C%_exchange_clear_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_exchange_test_SOURCES = %D%/exchange_test.c %D%/hosts.h
%C%_exchange_test_LDADD = libproxtier.la
%C%_fail_safe_test_SOURCES = %D%/fail_safe_test.c %D%/hosts.h
%C%_fail_safe_test_LDADD = libproxtier.la
%C%_falter_test_SOURCES = %D%/falter_test.c %D%/hosts.h
%C%_falter_test_LDADD = libproxtier.la
%C%_falter_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_get_many_test_LDADD = libproxtier.la
%C%_get_many_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_hosts_copies_test_SOURCES = %D%/hosts_copies_test.c %D%/hosts.h
%C%_hosts_copies_test_LDADD = libproxtier.la
%C%_hosts_failures_test_SOURCES = %D%/hosts_failures_test.c %D%/hosts.h
%C%_hosts_failures_test_CPPFLAGS = $(core_test_cppflags)
%C%_hosts_many_test_SOURCES = %D%/hosts_many_test.c %D%/hosts.h
%C%_hosts_many_test_LDADD = libproxtier.la
%C%_hosts_many_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_hosts_reopened_test_SOURCES = %D%/hosts_reopened_test.c %D%/hosts.h
%C%_hosts_reopened_test_CPPFLAGS = $(core_test_cppflags)
%C%_hosts_test_SOURCES = %D%/hosts_test.c %D%/hosts.h
%C%_hosts_test_LDADD = libproxtier.la
%C%_hosts_reports_test_SOURCES = %D%/hosts_reports_test.c %D%/hosts.h
%C%_hosts_reports_test_LDADD = libproxtier.la
%C%_hosts_soak_test_SOURCES = %D%/hosts_soak_test.c %D%/hosts.h
%C%_hosts_soak_test_LDADD = libproxtier.la
%C%_learnt_test_LDADD = libproxtier.la
%C%_live_counters_test_LDADD = libproxtier.la
%C%_members_test_LDADD = libproxtier.la
%C%_model_test_SOURCES = %D%/model_test.c %D%/model.c %D%/model.h
%C%_model_test_LDADD = libproxtier.la
%C%_notice_test_SOURCES = %D%/notice_test.c %D%/hosts.h
%C%_notice_test_LDADD = libproxtier.la
%C%_notice_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_overtaken_test_SOURCES = %D%/overtaken_test.c %D%/hosts.h
%C%_overtaken_test_LDADD = libproxtier.la
%C%_overtaken_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_pass_damage_test_CPPFLAGS = $(core_test_cppflags)
%C%_power_test_LDADD = libproxtier.la
%C%_probe_test_CPPFLAGS = $(core_test_cppflags)
%C%_processes_test_LDADD = libproxtier.la
%C%_reports_test_LDADD = libproxtier.la
%C%_shortage_test_CFLAGS = $(AM_CFLAGS) $(GCRYPT_CFLAGS)
%C%_shortage_test_LDADD = libproxtier.la $(GCRYPT_LIBS)
%C%_skew_test_LDADD = libproxtier.la
%C%_slow_tier_test_CPPFLAGS = $(core_test_cppflags)
%C%_slow_tier_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_threads_test_LDADD = libproxtier.la
%C%_totals_test_CPPFLAGS = $(core_test_cppflags)
%C%_ttl_test_LDADD = libproxtier.la
%C%_fork_test_LDADD = libproxtier.la
%C%_unload_test_LDADD = -ldl
