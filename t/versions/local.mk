# SPDX-License-Identifier: MIT
# A search through a model of the rules in doc/versions.md. It uses nothing of the core.
c_tests += %D%/versions_model_test
%C%_versions_model_test_SOURCES = %D%/change.c %D%/old_rules.c %D%/pass.c %D%/read.c %D%/rules.h %D%/search.c %D%/settings.c %D%/settings.h \
    %D%/state.c %D%/state.h %D%/steps.c %D%/steps.h %D%/tiers.c %D%/versions_model_test.c %D%/world.c
%C%_versions_model_test_LDADD =
