# SPDX-License-Identifier: MIT
# Faults: failing calls, kills, and a reader that compares the tiers with what callers were told.
faults_session = %D%/operations.c %D%/operations.h %D%/session.c %D%/session.h
check_PROGRAMS += %D%/reader %D%/session
%C%_session_SOURCES = $(faults_session) %D%/session_main.c
%C%_session_LDADD = libproxtier.la -ldl
# Without a wrapper script: the preloaded library is to come first in this program, not in a shell.
%C%_session_LDFLAGS = $(AM_LDFLAGS) -no-install
%C%_reader_SOURCES = %D%/copies.c %D%/read_jsonl.c %D%/read_sqlite.c %D%/reader.c %D%/reader.h %D%/told.c
%C%_reader_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(SQLITE_CFLAGS)
%C%_reader_LDADD = $(JSONC_LIBS) $(SQLITE_LIBS) -lm
%C%_sweep_SOURCES = $(faults_session) %D%/snapshot.c %D%/snapshot.h %D%/sweep.c %D%/twin.h
%C%_sweep_LDADD = libproxtier.la -ldl
%C%_sweep_LDFLAGS = $(AM_LDFLAGS) -no-install

check_PROGRAMS += %D%/kills_test
%C%_kills_test_SOURCES = %D%/kills_test.c %D%/operations.c %D%/operations.h
%C%_kills_test_LDADD = libproxtier.la
# Beside the programs that it starts, also when it is built.
%C%_kills_test_LDFLAGS = $(AM_LDFLAGS) -no-install

if LONG_HAS_64_BITS
check_LTLIBRARIES += %D%/failing_calls.la
check_PROGRAMS += %D%/sweep
%C%_failing_calls_la_SOURCES = %D%/failing_calls.c %D%/twin.c %D%/twin.h
else
EXTRA_LTLIBRARIES = %D%/failing_calls.la
EXTRA_PROGRAMS += %D%/sweep
endif
%C%_failing_calls_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_failing_calls_la_LIBADD = -ldl

TESTS += %D%/kills_test %D%/sweep.t
long_tests += %D%/kills_test %D%/sweep.t
EXTRA_DIST += %D%/README.md %D%/sweep.t

check-faults: $(lib_LTLIBRARIES) $(plugin_LTLIBRARIES) %D%/failing_calls.la %D%/kills_test %D%/reader %D%/session %D%/sweep
	@$(AM_TESTS_ENVIRONMENT) status=0; \
	%D%/kills_test || status=1; \
	$(SHELL) $(srcdir)/%D%/sweep.t || status=1; exit $$status
.PHONY: check-faults
