# SPDX-License-Identifier: MIT
script_tests += \
    %D%/backup.t %D%/basics.t %D%/bug_report.t %D%/chains.t %D%/config.t %D%/config_import.t %D%/config_schema.t \
    %D%/credentials.t %D%/dead.t %D%/debug_log.t %D%/errors.t %D%/exec.t %D%/export.t %D%/export_to_files.t \
    %D%/fail_safe.t %D%/get_format.t %D%/group.t %D%/hits.t \
    %D%/incomplete.t %D%/json.t %D%/kill_during_warm.t %D%/lease.t %D%/migrate.t %D%/places.t %D%/replay.t \
    %D%/secrets.t %D%/select.t %D%/stats.t %D%/status.t %D%/tier_away.t %D%/warm.t %D%/warm_masked.t %D%/words.t
EXTRA_DIST += %D%/README.md
