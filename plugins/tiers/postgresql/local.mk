# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
if WITH_POSTGRESQL
plugin_LTLIBRARIES += plugins/postgresql.la
plugins_postgresql_la_SOURCES = \
    %D%/connection.c %D%/history.c %D%/hosts.c %D%/lease.c %D%/pool.c %D%/postgresql.c %D%/postgresql.h %D%/read.c \
    %D%/request.c %D%/rows.c %D%/schema.c %D%/select.c %D%/select.h \
    %D%/select_indexes.c %D%/select_plan.c %D%/select_random.c %D%/select_texts.c %D%/server.c %D%/statements.c %D%/touch.c %D%/values.c \
    %D%/walk.c %D%/watch.c %D%/write.c
plugins_postgresql_la_CFLAGS = $(AM_CFLAGS) $(LIBPQ_CFLAGS) -I$(srcdir)/plugins/tiers/far
plugins_postgresql_la_LDFLAGS = $(plugin_ldflags)
plugins_postgresql_la_LIBADD = plugins/tiers/far/libfar.la $(LIBPQ_LIBS) -lpthread -lm
endif
