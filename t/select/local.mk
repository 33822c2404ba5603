# SPDX-License-Identifier: MIT
c_tests += %D%/uniform_test
%C%_uniform_test_SOURCES = %D%/uniform_test.c %D%/select_kit.h
%C%_uniform_test_LDADD = libproxtier.la
EXTRA_DIST += %D%/README.md
