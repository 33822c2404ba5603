# SPDX-License-Identifier: MIT
# Schedules of the model in the folder above, replayed in the core.
c_tests += %D%/replay_test
%C%_replay_test_SOURCES = %D%/board.h %D%/calls.c %D%/calls.h %D%/conductor.c %D%/conductor.h %D%/crew.c \
    %D%/crew.h %D%/ending.c %D%/ending.h %D%/events.c %D%/events.h %D%/judge.c %D%/judge.h %D%/pool.c %D%/pool.h %D%/replay_test.c %D%/worker.c %D%/worker.h \
    t/versions/change.c t/versions/old_rules.c t/versions/pass.c t/versions/read.c t/versions/rules.h \
    t/versions/settings.c t/versions/settings.h t/versions/state.c t/versions/state.h t/versions/steps.c \
    t/versions/steps.h t/versions/tiers.c t/versions/walk.c t/versions/walk.h t/versions/world.c
%C%_replay_test_CPPFLAGS = $(core_test_cppflags)
%C%_replay_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic

# The tiers of a replay.
check_LTLIBRARIES += %D%/shelf.la %D%/stepped.la
%C%_shelf_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_stepped_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
EXTRA_DIST += %D%/README.md t/versions/README.md
