# SPDX-License-Identifier: MIT
core_sources += \
    %D%/breaker.c %D%/breaker.h %D%/deadline.c %D%/forks.c %D%/forks.h %D%/group_commit.c %D%/group_commit.h \
    %D%/lease_calls.c %D%/policy_tracker.c %D%/policy_tracker.h %D%/remote_calls.c %D%/remote_record.c \
    %D%/remote_record.h %D%/select_call.c %D%/tier.c %D%/tier_call.h %D%/tier.h %D%/tier_calls.c %D%/tier_touch.c \
    %D%/workers.c %D%/workers.h
EXTRA_DIST += %D%/README.md
