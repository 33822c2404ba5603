# SPDX-License-Identifier: MIT
bin_PROGRAMS += proxtier
proxtier_SOURCES = \
    %D%/command.h %D%/commands.c %D%/common.c %D%/completion.c %D%/help.c %D%/main.c %D%/messages.c %D%/output.c %D%/progress.c \
    %D%/list_paths.c %D%/list_paths.h %D%/progress.h %D%/sqlite_list.c %D%/sqlite_list.h \
    %D%/toml.c %D%/toml.h
proxtier_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D%
proxtier_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
proxtier_LDADD = libproxtier.la $(SQLITE_LIBS) -lpthread
EXTRA_DIST += %D%/README.md
