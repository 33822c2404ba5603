# SPDX-License-Identifier: MIT
c_tests += %D%/choices_test %D%/matching_test %D%/processes_test %D%/turns_test %D%/uniform_test
%C%_choices_test_SOURCES = %D%/choices_test.c %D%/select_kit.h
%C%_choices_test_LDADD = libproxtier.la
%C%_matching_test_SOURCES = %D%/matching_test.c %D%/select_kit.h
%C%_matching_test_LDADD = libproxtier.la
%C%_turns_test_SOURCES = %D%/turns_test.c %D%/select_kit.h
%C%_turns_test_LDADD = libproxtier.la
%C%_processes_test_SOURCES = %D%/processes_test.c %D%/select_kit.h
%C%_processes_test_LDADD = libproxtier.la
%C%_uniform_test_SOURCES = %D%/uniform_test.c %D%/select_kit.h
%C%_uniform_test_LDADD = libproxtier.la
EXTRA_DIST += %D%/README.md
