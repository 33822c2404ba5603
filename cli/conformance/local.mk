# SPDX-License-Identifier: MIT
proxtier_SOURCES += \
    %D%/child.c %D%/counting_host.c %D%/encryptor.c %D%/encryptor_secrets.c %D%/eviction.c %D%/eviction_admission.c %D%/eviction_kit.c \
    %D%/eviction_kit.h %D%/eviction_load.c %D%/files.c %D%/process.c %D%/progress_page.h %D%/runner.c %D%/suite.h \
    %D%/threads.c %D%/tier.c %D%/tier_arguments.c %D%/tier_concurrent.c %D%/tier_crash.c %D%/tier_expire.c \
    %D%/tier_history.c %D%/tier_kit.c %D%/tier_kit.h %D%/tier_leases.c %D%/tier_optional.c %D%/tier_record.c %D%/tier_remote.c %D%/tier_secrets.c %D%/tier_select.c %D%/tier_store.c \
    %D%/tier_tombstones.c %D%/tier_touch.c %D%/tier_versions.c %D%/tier_victim.c
EXTRA_DIST += %D%/README.md
