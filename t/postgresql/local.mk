# SPDX-License-Identifier: MIT
# The tier postgresql, with a server that each test starts.
EXTRA_DIST += %D%/postgresql.t %D%/server.sh
if WITH_POSTGRESQL
check_PROGRAMS += %D%/falters_test %D%/server_lost_test
%C%_falters_test_SOURCES = %D%/falters_test.c %D%/server.h t/chain/hosts.h t/lib/cutting_proxy.h
%C%_falters_test_LDADD = libproxtier.la
%C%_server_lost_test_SOURCES = %D%/server_lost_test.c %D%/server.h t/chain/hosts.h
%C%_server_lost_test_LDADD = libproxtier.la
TESTS += %D%/falters_test %D%/postgresql.t %D%/server_lost_test
else
EXTRA_DIST += %D%/falters_test.c %D%/server.h %D%/server_lost_test.c t/lib/cutting_proxy.h
endif
