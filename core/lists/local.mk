# SPDX-License-Identifier: MIT
core_sources += \
    %D%/base64.c %D%/base64.h %D%/digest_set.c %D%/digest_set.h %D%/export.c %D%/field_names.c \
    %D%/json_record.c %D%/json_record.h %D%/json_stream.c %D%/json_stream.h %D%/list.h %D%/list_csv.c \
    %D%/list_format.c %D%/list_json.c %D%/list_jsonl.c %D%/list_text.c %D%/warm.c
EXTRA_DIST += %D%/README.md
