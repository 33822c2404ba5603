# SPDX-License-Identifier: MIT
core_sources += \
    %D%/host.c %D%/host.h %D%/loader.c %D%/loader.h %D%/own_folder.c %D%/stacked_tier.c %D%/stacked_tier.h \
    %D%/tier_ops.c %D%/tier_ops.h %D%/trial.c
EXTRA_DIST += %D%/README.md
