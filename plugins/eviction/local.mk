# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
plugin_LTLIBRARIES += plugins/lru.la plugins/lfu.la plugins/fifo.la plugins/sieve.la plugins/s3fifo.la

plugins_lru_la_SOURCES = %D%/lru.c %D%/ring_list.h
plugins_lru_la_LDFLAGS = $(plugin_ldflags)
plugins_lfu_la_SOURCES = %D%/lfu.c %D%/ring_list.h
plugins_lfu_la_LDFLAGS = $(plugin_ldflags)
plugins_fifo_la_SOURCES = %D%/fifo.c %D%/ring_list.h
plugins_fifo_la_LDFLAGS = $(plugin_ldflags)
plugins_sieve_la_SOURCES = %D%/sieve.c %D%/ring_list.h
plugins_sieve_la_LDFLAGS = $(plugin_ldflags)
plugins_s3fifo_la_SOURCES = %D%/s3fifo.c %D%/ring_list.h
plugins_s3fifo_la_LDFLAGS = $(plugin_ldflags)
