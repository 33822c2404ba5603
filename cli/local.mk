# SPDX-License-Identifier: MIT
bin_PROGRAMS += proxtier
proxtier_SOURCES = \
    %D%/check_worker.c %D%/check_worker.h %D%/child.c %D%/child.h %D%/choices.c %D%/columns.c %D%/columns.h \
    %D%/command.h %D%/commands.c %D%/common.c %D%/completion.c %D%/config_schema.c %D%/harden.c %D%/help.c \
    %D%/interrupts.c %D%/interrupts.h %D%/list_paths.c %D%/list_paths.h %D%/main.c %D%/messages.c %D%/output.c \
    %D%/output_file.c %D%/output_file.h %D%/progress.c %D%/progress.h %D%/results.c %D%/secret_variables.c %D%/secret_variables.h %D%/selection.c %D%/selection.h \
    %D%/sqlite_list.c %D%/sqlite_list.h %D%/toml.c %D%/toml.h %D%/words.c
proxtier_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% -DLIBEXEC_DIR='"$(pkglibexecdir)"' \
    -DLIBEXEC_BELOW_PREFIX='"$(LIBEXEC_BELOW_PREFIX)"'
proxtier_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
proxtier_LDFLAGS = $(AM_LDFLAGS) $(RELOCATABLE_LDFLAGS)
proxtier_LDADD = libproxtier.la $(SQLITE_LIBS) -lpthread
EXTRA_DIST += %D%/README.md
