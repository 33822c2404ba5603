# SPDX-License-Identifier: MIT
plugin_LTLIBRARIES += plugins/fault.la
EXTRA_DIST += %D%/README.md

plugins_fault_la_SOURCES = \
    %D%/fault.c %D%/fault.h %D%/lower_options.c %D%/rules.c
plugins_fault_la_LDFLAGS = $(plugin_ldflags)
