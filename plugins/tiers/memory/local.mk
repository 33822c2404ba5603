# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/l1_memory.la
EXTRA_DIST += %D%/README.md

plugins_l1_memory_la_SOURCES = \
    %D%/hit_ring.c %D%/l1_memory.c %D%/memory.h %D%/shard.c %D%/walk.c
plugins_l1_memory_la_LDFLAGS = $(plugin_ldflags)
plugins_l1_memory_la_LIBADD = -lpthread
