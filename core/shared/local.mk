# SPDX-License-Identifier: MIT
core_sources += %D%/page.c %D%/page.h %D%/record.c %D%/record.h
EXTRA_DIST += %D%/README.md
