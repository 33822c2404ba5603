# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/l2_jsonl.la

plugins_l2_jsonl_la_SOURCES = \
    %D%/batch.c %D%/compact.c %D%/deletion.c %D%/evict.c %D%/index.c %D%/jsonl.h %D%/l2_jsonl.c %D%/policy.c \
    %D%/quarantine.c %D%/read.c %D%/scan.c %D%/shard.c %D%/write.c
plugins_l2_jsonl_la_CFLAGS = $(AM_CFLAGS) $(GCRYPT_CFLAGS)
plugins_l2_jsonl_la_LDFLAGS = $(plugin_ldflags)
plugins_l2_jsonl_la_LIBADD = $(GCRYPT_LIBS) -lpthread
