# SPDX-License-Identifier: MIT
core_sources += \
    %D%/cache.c %D%/cache_private.h %D%/delete_many.c %D%/draft.c %D%/get_many.c \
    %D%/health.c %D%/keygen.c %D%/keys.c %D%/keys.h %D%/lease.c %D%/migrate.c %D%/pool.c %D%/sealer.c %D%/sealer.h \
    %D%/select.c %D%/stats_copy.c %D%/stats_copy.h %D%/stats_format.c
EXTRA_DIST += %D%/README.md
