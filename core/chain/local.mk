# SPDX-License-Identifier: MIT
EXTRA_DIST += %D%/README.md
core_sources += \
    %D%/accesses.c %D%/accesses.h %D%/batch.c %D%/batch.h %D%/batch_authority.c %D%/bring.c %D%/chain.c %D%/chain.h %D%/chain_layout.h \
    %D%/change.c %D%/change.h %D%/checkpoint.c %D%/clear.c %D%/complete.c %D%/count_answers.c %D%/dead.c %D%/dead.h \
    %D%/decide.c %D%/decide.h %D%/decide_again.c %D%/decide_many.c %D%/decide_steps.h %D%/demote.c %D%/demote.h %D%/each.c %D%/equalize.c %D%/equalize.h \
    %D%/exchange.c %D%/exchange.h %D%/fail_safe.c %D%/fail_safe.h %D%/flights.c %D%/flights.h %D%/forget.c %D%/get.c \
    %D%/get_counts.c %D%/get_counts.h %D%/janitor.c %D%/janitor.h %D%/key_ops.c %D%/key_ops.h %D%/learnt.c \
    %D%/learnt.h %D%/maintain.c %D%/members.c %D%/members.h %D%/older_hints.c %D%/older_hints.h %D%/overtake.c %D%/overtake.h %D%/promote.c \
    %D%/promote.h %D%/promote_late.c %D%/promote_late.h %D%/put.c %D%/remote.c %D%/remote.h %D%/remote_place.c %D%/remove.c %D%/remove_many.c %D%/reopen.c \
    %D%/repair.c %D%/repair.h %D%/soft_read.c %D%/soft_read.h %D%/store.c %D%/store.h %D%/stripes.c %D%/stripes.h %D%/told.c %D%/totals.c \
    %D%/two_copies.c \
    %D%/victim.c %D%/victim.h \
    %D%/word_locks.c %D%/word_locks.h
