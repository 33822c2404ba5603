# SPDX-License-Identifier: MIT
core_sources += \
    %D%/copy.c %D%/entry.c %D%/entry.h %D%/entry_layout.h %D%/fields.c %D%/foreign.c %D%/foreign.h %D%/hazard.c %D%/hazard.h \
    %D%/json.h %D%/json_read.c %D%/json_write.c %D%/merge.c %D%/selection.c %D%/selection.h %D%/tallies.c %D%/tallies.h
EXTRA_DIST += %D%/README.md
