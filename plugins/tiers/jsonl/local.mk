# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/l2_jsonl.la
EXTRA_DIST += %D%/README.md

plugins_l2_jsonl_la_SOURCES = \
    %D%/batch.c %D%/checksum.c %D%/compact.c %D%/damage.c %D%/deletion.c %D%/digest.c %D%/evict.c %D%/foreign.c %D%/format.c \
    %D%/index.c %D%/jsonl.h %D%/l2_jsonl.c %D%/line.c %D%/policy.c %D%/quarantine.c %D%/read.c %D%/record.c \
    %D%/replace.c %D%/reshard.c %D%/scan.c %D%/shard.c %D%/time.c %D%/write.c
plugins_l2_jsonl_la_CFLAGS = $(AM_CFLAGS) $(GCRYPT_CFLAGS)
plugins_l2_jsonl_la_LDFLAGS = $(plugin_ldflags)
plugins_l2_jsonl_la_LIBADD = $(GCRYPT_LIBS) -lpthread
