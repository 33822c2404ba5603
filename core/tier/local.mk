# SPDX-License-Identifier: MIT
core_sources += \
    %D%/breaker.c %D%/breaker.h %D%/group_commit.c %D%/group_commit.h %D%/policy_tracker.c %D%/policy_tracker.h \
    %D%/remote_calls.c %D%/remote_record.c %D%/remote_record.h %D%/tier.c %D%/tier_call.h %D%/tier.h %D%/tier_calls.c
EXTRA_DIST += %D%/README.md
