# SPDX-License-Identifier: MIT
core_sources += \
    %D%/coherence.c %D%/coherence.h %D%/hint_log.c %D%/hint_log.h
