# SPDX-License-Identifier: MIT
core_sources += \
    %D%/backup.c %D%/backup.h %D%/backup_read.c %D%/base64.c %D%/base64.h %D%/digest_set.c %D%/digest_set.h %D%/export.c %D%/export.h %D%/export_csv.c \
    %D%/export_formats.c %D%/export_json.c %D%/export_plain.c %D%/export_programs.c %D%/export_template.c %D%/field_names.c %D%/input.c %D%/input.h \
    %D%/json_record.c %D%/json_record.h %D%/json_stream.c %D%/json_stream.h %D%/list.h %D%/list_csv.c \
    %D%/list_detect.c %D%/list_format.c %D%/list_json.c %D%/list_jsonl.c %D%/list_text.c %D%/list_yaml.c \
    %D%/members.c %D%/members.h %D%/out.c %D%/out.h %D%/restore.c \
    %D%/warm.c %D%/warm.h %D%/warm_batch.c %D%/warm_masks.c %D%/warm_record.c
EXTRA_DIST += %D%/README.md
