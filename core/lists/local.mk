# SPDX-License-Identifier: MIT
core_sources += \
    %D%/export.c %D%/field_names.c %D%/list.h %D%/list_csv.c %D%/list_format.c %D%/list_json.c %D%/list_text.c %D%/warm.c
EXTRA_DIST += %D%/README.md
