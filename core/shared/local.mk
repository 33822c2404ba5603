# SPDX-License-Identifier: MIT
core_sources += \
    %D%/page.c %D%/page.h %D%/page_file.c %D%/page_fork.c %D%/page_layout.h %D%/page_older.c %D%/record.c %D%/record.h %D%/record_file.c \
    %D%/removals.c %D%/removals.h \
    %D%/totals.c %D%/totals.h
EXTRA_DIST += %D%/README.md
