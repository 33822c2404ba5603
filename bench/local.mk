# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
noinst_PROGRAMS += bench/replay
bench_replay_SOURCES = %D%/replay.c
bench_replay_LDADD = libproxtier.la
EXTRA_PROGRAMS += bench/bench bench/empty bench/select_tier
bench_bench_SOURCES = \
    %D%/bench.c %D%/bench.h %D%/delay.c %D%/delay.h %D%/far.c %D%/far.h %D%/jsonl.c %D%/many.c %D%/memory.c %D%/process.c %D%/put.c %D%/seal.c \
    %D%/select.c %D%/sqlite.c %D%/trace.c
bench_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(JSONC_CFLAGS) $(GCRYPT_CFLAGS)
bench_bench_LDADD = libproxtier.la $(SQLITE_LIBS) $(JSONC_LIBS) $(GCRYPT_LIBS) -lpthread -lm
if WITH_POSTGRESQL
bench_bench_SOURCES += %D%/postgresql.c %D%/postgresql.h %D%/postgresql_far.c %D%/postgresql_select.c
bench_bench_CFLAGS += $(LIBPQ_CFLAGS) -DBENCH_POSTGRESQL
bench_bench_LDADD += $(LIBPQ_LIBS)
else
EXTRA_DIST += %D%/postgresql.c %D%/postgresql.h %D%/postgresql_far.c %D%/postgresql_select.c
endif
if WITH_REDIS
bench_bench_SOURCES += %D%/redis.c
bench_bench_CFLAGS += $(HIREDIS_CFLAGS) -DBENCH_REDIS
bench_bench_LDADD += $(HIREDIS_LIBS)
else
EXTRA_DIST += %D%/redis.c
endif
bench_empty_SOURCES = %D%/empty.c
bench_empty_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(JSONC_CFLAGS) $(GCRYPT_CFLAGS) $(YAML_CFLAGS)
bench_empty_LDADD = $(SQLITE_LIBS) $(JSONC_LIBS) $(GCRYPT_LIBS) $(YAML_LIBS) $(LTDL_LIBS) $(CSV_LIBS)
bench_select_tier_SOURCES = %D%/select_tier.c
bench_select_tier_CPPFLAGS = $(core_test_cppflags) -I$(top_srcdir)/t/lib
bench_select_tier_LDADD = libcore.la $(SQLITE_LIBS)

# One table of figures beside what the machine can do, and bench.json. QUICK=1: in a minute. SUBJECTS='memory put': some.
bench: all bench/bench$(EXEEXT) bench/empty$(EXEEXT)
	abs_top_srcdir='$(abs_top_srcdir)' \
	    PROXTIER_PLUGIN_PATH='$(abs_top_builddir)/plugins/.libs' LD_LIBRARY_PATH='$(abs_top_builddir)/.libs' \
	    BENCH_PROXTIER='$(abs_top_builddir)/.libs/proxtier' BENCH_EMPTY='$(abs_top_builddir)/bench/empty' \
	    bench/bench$(EXEEXT) $(SUBJECTS)
.PHONY: bench

# select() of l3_sqlite beside a get from it. NUMBERS='1000 100000': of so many entries. QUICK=1: fewer rows.
bench-select-tier: all bench/select_tier$(EXEEXT)
	PROXTIER_PLUGIN_PATH='$(abs_top_builddir)/plugins/.libs' LD_LIBRARY_PATH='$(abs_top_builddir)/.libs' \
	    bench/select_tier$(EXEEXT) $(NUMBERS)
.PHONY: bench-select-tier
