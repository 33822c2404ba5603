# SPDX-License-Identifier: MIT
# The tests. C tests are c_tests, shell tests script_tests; each folder's local.mk adds its own.
LDADD = libcore.la
c_tests =
script_tests =
# For tests of what is inside: headers of the core beside the public ones.
core_test_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/core

check_PROGRAMS += $(c_tests)
TESTS = $(c_tests) $(script_tests)
TEST_EXTENSIONS = .t
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/t/lib/driver.sh \
    $(top_srcdir)/build-aux/tap-driver.sh
T_LOG_DRIVER = $(LOG_DRIVER)
T_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
    abs_top_srcdir='$(abs_top_srcdir)'; abs_top_builddir='$(abs_top_builddir)'; \
    TEST_CC='$(CC)'; TEST_CFLAGS='$(AM_CPPFLAGS) $(AM_CFLAGS) $(CPPFLAGS) $(CFLAGS)'; export TEST_CC TEST_CFLAGS; \
    unset TEST_PROXTIER TEST_PLUGINS TEST_LIBEXEC; . '$(abs_top_srcdir)/t/lib/environment.sh';

# The C tests once more under valgrind.
check-valgrind: $(check_PROGRAMS) $(plugin_LTLIBRARIES) $(check_LTLIBRARIES) $(lib_LTLIBRARIES)
	@test -n '$(VALGRIND)' || { echo 'valgrind is not installed' >&2; exit 1; }
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(c_tests)' LOG_COMPILER='$(abs_top_builddir)/libtool --mode=execute \
	    $(VALGRIND) -q --error-exitcode=99 --leak-check=full \
	    --errors-for-leak-kinds=definite --show-leak-kinds=definite --trace-children=no --child-silent-after-fork=yes' \
	    PXT_SLOW=1

# What is random, a hundred times as much: hours, not part of `make check`.
long_tests = t/unit/hazard_test t/unit/page_lost_test t/unit/page_test \
    t/chain/degrade_test t/chain/model_test t/chain/processes_test t/chain/threads_test t/chain/ttl_test t/lease/workers_test t/versions/versions_model_test \
    t/versions/replay/replay_test
check-long:
	PXT_LONG=1 $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(long_tests)'
.PHONY: check-valgrind check-long

EXTRA_DIST += $(script_tests) %D%/lib/driver.sh %D%/lib/environment.sh %D%/lib/lib.sh %D%/lib/short_malloc.h %D%/lib/skips \
    %D%/lib/sqlite_damage_kit.h %D%/lib/sqlite_kit.h %D%/lib/tap.h
