# SPDX-License-Identifier: MIT
core_sources += \
    %D%/config.c %D%/config.h %D%/config_show.c %D%/plugin_list.c
