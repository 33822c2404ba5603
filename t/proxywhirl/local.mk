# SPDX-License-Identifier: MIT
script_tests += %D%/fixtures.t %D%/live.t
EXTRA_DIST += \
    %D%/README.md %D%/chain.sh %D%/fields.py %D%/fixtures %D%/make_fixtures.py %D%/proxywhirl_cache.py %D%/reads_back.py \
    %D%/warm_list.jsonl %D%/write_again.py
