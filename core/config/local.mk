# SPDX-License-Identifier: MIT
core_sources += \
    %D%/config.c %D%/config.h %D%/config_drop_ins.c %D%/config_environment.c %D%/config_file.c %D%/config_global.c %D%/config_private.h %D%/config_show.c \
    %D%/config_tiers.c %D%/config_together.c %D%/plugin_list.c
EXTRA_DIST += %D%/README.md
