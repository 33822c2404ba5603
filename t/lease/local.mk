# SPDX-License-Identifier: MIT
c_tests += %D%/lease_test %D%/workers_test
%C%_lease_test_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
%C%_lease_test_LDADD = libproxtier.la $(SQLITE_LIBS)
%C%_workers_test_SOURCES = %D%/workers_test.c %D%/judge.c %D%/judge.h
%C%_workers_test_LDADD = libproxtier.la
