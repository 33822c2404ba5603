# SPDX-License-Identifier: MIT
core_sources += \
    %D%/coherence.c %D%/coherence.h %D%/hint_log.c %D%/hint_log.h %D%/hints.c %D%/hints.h
EXTRA_DIST += %D%/README.md
