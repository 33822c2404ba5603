# SPDX-License-Identifier: MIT
core_sources += \
    %D%/at_random.c %D%/best.c %D%/best.h %D%/by_order.c %D%/choose.c %D%/each_selected.c %D%/on_ring.c %D%/round.c %D%/round.h %D%/search.c \
    %D%/search.h %D%/select.h %D%/turns.c %D%/turns.h %D%/walk.c %D%/widths.c %D%/widths.h
EXTRA_DIST += %D%/README.md
