# SPDX-License-Identifier: MIT
# The tier redis, with a server that each test starts.
EXTRA_DIST += %D%/redis.t
if WITH_REDIS
check_PROGRAMS += %D%/capacity_test %D%/choosing_test %D%/falters_test %D%/server_fails_test %D%/writing_test
%C%_capacity_test_SOURCES = %D%/capacity_test.c %D%/server.h t/chain/hosts.h
%C%_capacity_test_LDADD = libproxtier.la
%C%_choosing_test_SOURCES = %D%/choosing_test.c %D%/server.h t/chain/hosts.h
%C%_choosing_test_LDADD = libproxtier.la -lpthread
%C%_falters_test_SOURCES = %D%/falters_test.c %D%/server.h t/chain/hosts.h t/lib/cutting_proxy.h
%C%_falters_test_LDADD = libproxtier.la
%C%_server_fails_test_SOURCES = %D%/server_fails_test.c %D%/server.h t/chain/hosts.h
%C%_server_fails_test_LDADD = libproxtier.la
%C%_writing_test_SOURCES = %D%/writing_test.c %D%/server.h t/chain/hosts.h
%C%_writing_test_LDADD = libproxtier.la
TESTS += %D%/capacity_test %D%/choosing_test %D%/falters_test %D%/redis.t %D%/server_fails_test %D%/writing_test
else
EXTRA_DIST += %D%/capacity_test.c %D%/choosing_test.c %D%/falters_test.c %D%/server.h \
    %D%/server_fails_test.c %D%/writing_test.c t/lib/cutting_proxy.h
endif
