# SPDX-License-Identifier: MIT
script_tests += \
    %D%/floors.t %D%/headers.t %D%/man_matches_the_command_table.t %D%/manual_pages.t %D%/readme.t %D%/readme_main_job.t \
    %D%/skips.t %D%/troubleshooting.t
EXTRA_DIST += %D%/gateway.py
