# SPDX-License-Identifier: MIT
core_sources += \
    %D%/core_options.c %D%/option_pairs.c %D%/option_pairs.h %D%/secret_source.c %D%/secret_source.h %D%/settings.c %D%/settings.h %D%/yaml_tree.c %D%/yaml_tree.h
EXTRA_DIST += %D%/README.md
