# SPDX-License-Identifier: MIT
script_tests += %D%/check.t %D%/many.t %D%/worker.t
EXTRA_DIST += %D%/README.md %D%/check_kit.sh %D%/servers.py
