# SPDX-License-Identifier: MIT
proxtier_SOURCES += \
    %D%/counting_host.c %D%/encryptor.c %D%/eviction.c %D%/process.c %D%/runner.c %D%/suite.h %D%/threads.c \
    %D%/tier.c %D%/tier_concurrent.c %D%/tier_kit.c %D%/tier_kit.h %D%/tier_optional.c %D%/tier_tombstones.c %D%/tier_versions.c
EXTRA_DIST += %D%/README.md
