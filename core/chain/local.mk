# SPDX-License-Identifier: MIT
core_sources += \
    %D%/accesses.c %D%/batch.c %D%/chain.c %D%/chain.h %D%/counts.c %D%/demote.c %D%/each.c %D%/janitor.c \
    %D%/janitor.h %D%/maintain.c %D%/repair.c
