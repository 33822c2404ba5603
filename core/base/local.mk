# SPDX-License-Identifier: MIT
core_sources += \
    %D%/alloc.c %D%/alloc.h %D%/clock.c %D%/clock.h %D%/didyoumean.c %D%/didyoumean.h %D%/fail.c %D%/fail.h \
    %D%/gcrypt_start.c %D%/gcrypt_start.h %D%/isotime.c %D%/isotime.h %D%/key.c %D%/key.h %D%/keymap.c \
    %D%/keymap.h %D%/log.c %D%/log.h %D%/path_same.c %D%/paths.c %D%/paths.h %D%/secret.c %D%/secret.h \
    %D%/thread_id.c %D%/thread_id.h
EXTRA_DIST += %D%/README.md
