# SPDX-License-Identifier: MIT
proxtier_SOURCES += \
    %D%/backup.c %D%/bug_report.c %D%/clear.c %D%/check.c %D%/config.c %D%/config_import.c %D%/delete.c %D%/exec.c %D%/expire.c \
    %D%/export.c %D%/get.c %D%/history.c %D%/keygen.c %D%/lease.c %D%/leases.c %D%/list.c %D%/migrate.c %D%/plugin.c \
    %D%/put.c %D%/release.c %D%/renew.c %D%/report.c %D%/restore.c %D%/show.c %D%/stats.c %D%/status.c %D%/tier.c \
    %D%/warm.c
EXTRA_DIST += %D%/README.md
