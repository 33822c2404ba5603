# SPDX-License-Identifier: MIT
core_sources += \
    %D%/coherence.c %D%/coherence.h %D%/hint_log.c %D%/hint_log.h %D%/hints.c %D%/hints.h \
    %D%/page.c %D%/page.h %D%/page_file.c %D%/page_layout.h %D%/page_older.c %D%/record.c %D%/record.h %D%/record_file.c
EXTRA_DIST += %D%/README.md
