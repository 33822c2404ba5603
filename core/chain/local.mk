# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
core_sources += \
    %D%/accesses.c %D%/accesses.h %D%/batch.c %D%/bring.c %D%/chain.c %D%/chain.h %D%/chain_layout.h %D%/complete.c \
    %D%/demote.c %D%/demote.h %D%/each.c %D%/flights.c %D%/flights.h %D%/forget.c %D%/get.c %D%/get_counts.c %D%/get_counts.h %D%/janitor.c %D%/janitor.h \
    %D%/key_ops.c %D%/key_ops.h %D%/learnt.c %D%/learnt.h %D%/maintain.c %D%/put.c %D%/change.c %D%/change.h %D%/decide.c %D%/decide.h %D%/equalize.c %D%/equalize.h %D%/members.c %D%/members.h %D%/promote.c %D%/promote.h %D%/remove.c %D%/repair.c %D%/repair.h \
    %D%/store.c %D%/store.h %D%/stripes.c %D%/stripes.h %D%/victim.c %D%/victim.h %D%/word_locks.c %D%/word_locks.h
