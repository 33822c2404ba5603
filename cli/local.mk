# SPDX-License-Identifier: MIT
bin_PROGRAMS += proxtier
proxtier_SOURCES = \
    %D%/command.h %D%/commands.c %D%/common.c %D%/completion.c %D%/config_schema.c %D%/help.c %D%/main.c %D%/messages.c %D%/output.c %D%/progress.c \
    %D%/progress.h
proxtier_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D%
proxtier_LDFLAGS = $(AM_LDFLAGS) $(RELOCATABLE_LDFLAGS)
proxtier_LDADD = libproxtier.la -lpthread
EXTRA_DIST += %D%/README.md
