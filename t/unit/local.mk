# SPDX-License-Identifier: MIT
c_tests += \
    %D%/entry_test %D%/foreign_test %D%/gcrypt_start_test %D%/group_commit_test \
    %D%/hazard_steps_test %D%/hazard_test %D%/isotime_test %D%/json_test %D%/key_test \
    %D%/lists_test %D%/loader_test %D%/merge_test %D%/page_file_test %D%/page_fork_test %D%/page_lost_test %D%/page_test %D%/proxyurl_test \
    %D%/record_test %D%/secret_test %D%/settings_test %D%/tallies_test %D%/yaml_test
%C%_entry_test_CPPFLAGS = $(core_test_cppflags)
%C%_gcrypt_start_test_CPPFLAGS = $(core_test_cppflags) $(GCRYPT_CFLAGS)
%C%_gcrypt_start_test_LDADD = libcore.la $(GCRYPT_LIBS)
%C%_group_commit_test_CPPFLAGS = $(core_test_cppflags)
%C%_hazard_steps_test_CPPFLAGS = $(core_test_cppflags)
%C%_hazard_test_CPPFLAGS = $(core_test_cppflags)
%C%_isotime_test_CPPFLAGS = $(core_test_cppflags)
%C%_foreign_test_CPPFLAGS = $(core_test_cppflags)
%C%_json_test_CPPFLAGS = $(core_test_cppflags)
%C%_lists_test_CPPFLAGS = $(core_test_cppflags) $(ZLIB_CFLAGS)
%C%_lists_test_LDADD = libcore.la $(ZLIB_LIBS)
%C%_key_test_CPPFLAGS = $(core_test_cppflags)
%C%_loader_test_CPPFLAGS = $(core_test_cppflags)
%C%_page_file_test_CPPFLAGS = $(core_test_cppflags)
%C%_page_file_test_SOURCES = %D%/page_file_test.c %D%/page_kit.h
%C%_page_fork_test_CPPFLAGS = $(core_test_cppflags)
%C%_page_fork_test_SOURCES = %D%/page_fork_test.c %D%/page_kit.h
%C%_page_lost_test_CPPFLAGS = $(core_test_cppflags)
%C%_page_lost_test_SOURCES = %D%/page_lost_test.c %D%/page_kit.h
%C%_page_test_CPPFLAGS = $(core_test_cppflags)
%C%_merge_test_CPPFLAGS = $(core_test_cppflags)
%C%_proxyurl_test_CPPFLAGS = $(core_test_cppflags)
%C%_record_test_CPPFLAGS = $(core_test_cppflags)
%C%_secret_test_CPPFLAGS = $(core_test_cppflags)
%C%_settings_test_CPPFLAGS = $(core_test_cppflags)
%C%_tallies_test_CPPFLAGS = $(core_test_cppflags)
%C%_yaml_test_CPPFLAGS = $(core_test_cppflags)
c_tests += %D%/report_tallies_test
%C%_report_tallies_test_CPPFLAGS = $(core_test_cppflags)
