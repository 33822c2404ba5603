# SPDX-License-Identifier: MIT
# The soak: two hosts of four processes on one server that is killed at random. PXT_LONG: a million calls.
soak_judge = %D%/journal.c %D%/journal.h %D%/leases.c %D%/pool.h %D%/verdict.c %D%/verdict.h t/lease/judge.c \
    t/lease/judge.h
soak_sources = $(soak_judge) %D%/pool.c %D%/rest.c %D%/rest.h %D%/soak.c %D%/soak.h %D%/worker.c %D%/worker.h
EXTRA_DIST += %D%/README.md
c_tests += %D%/verdict_test
%C%_verdict_test_SOURCES = %D%/verdict_test.c $(soak_judge)
%C%_verdict_test_LDADD =
if WITH_REDIS
check_PROGRAMS += %D%/redis_soak_test
%C%_redis_soak_test_SOURCES = %D%/redis_soak_test.c $(soak_sources) t/redis/server.h t/chain/hosts.h
%C%_redis_soak_test_LDADD = libproxtier.la
TESTS += %D%/redis_soak_test
long_tests += %D%/redis_soak_test
else
EXTRA_DIST += %D%/redis_soak_test.c
endif
if WITH_POSTGRESQL
check_PROGRAMS += %D%/postgresql_soak_test
%C%_postgresql_soak_test_SOURCES = %D%/postgresql_soak_test.c $(soak_sources) t/postgresql/server.h t/chain/hosts.h
%C%_postgresql_soak_test_LDADD = libproxtier.la
TESTS += %D%/postgresql_soak_test
long_tests += %D%/postgresql_soak_test
else
EXTRA_DIST += %D%/postgresql_soak_test.c
endif
