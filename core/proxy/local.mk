# SPDX-License-Identifier: MIT
core_sources += \
    %D%/proxyline.c %D%/proxyurl.c %D%/proxyurl.h %D%/proxyurl_parts.h
EXTRA_DIST += %D%/README.md
