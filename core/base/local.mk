# SPDX-License-Identifier: MIT
core_sources += \
    %D%/didyoumean.c %D%/didyoumean.h %D%/fail.c %D%/fail.h %D%/isotime.c %D%/isotime.h %D%/key.c %D%/key.h \
    %D%/keymap.c %D%/keymap.h %D%/log.c %D%/log.h %D%/paths.c %D%/paths.h %D%/secret.c %D%/secret.h
