# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
if WITH_REDIS
plugin_LTLIBRARIES += plugins/redis.la
plugins_redis_la_SOURCES = \
    %D%/connection.c %D%/lease.c %D%/order.c %D%/read.c %D%/redis.c %D%/redis.h %D%/request.c %D%/scripts.c %D%/select.c %D%/server.c \
    %D%/walk.c %D%/watch.c %D%/write.c
plugins_redis_la_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS) -I$(srcdir)/plugins/tiers/far
plugins_redis_la_LDFLAGS = $(plugin_ldflags)
plugins_redis_la_LIBADD = plugins/tiers/far/libfar.la $(HIREDIS_LIBS) -lpthread
endif
