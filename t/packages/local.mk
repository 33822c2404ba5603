# SPDX-License-Identifier: MIT
# Packages, in bare systems that the test makes: up to 20 minutes, not part of `make check`. PACKAGES_ROOTS names some of the
# systems, PACKAGES_OUT a folder for the packages of the first.
check-packages: dist
	$(SHELL) '$(srcdir)/%D%/check' '$(abs_top_builddir)/$(PACKAGE)-$(VERSION).tar.xz' $(PACKAGES_ROOTS)
.PHONY: check-packages
EXTRA_DIST += %D%/README.md %D%/build.part %D%/check %D%/cross.part %D%/hook %D%/inside %D%/system \
    %D%/third-party %D%/use.part

# What README.md leaves out on a system beside that of `make check`, with the rule; and what only these tests need.
decided_by_source = \
    t/chain/hosts_soak_test t/cli/kill_during_warm.t t/conformance/faulty.t t/conformance/liars.t t/conformance/stores.t \
    t/docs/floors.t t/docs/man_matches_the_command_table.t t/docs/manual_pages.t t/docs/readme.t t/docs/skips.t \
    t/docs/troubleshooting.t t/faults/kills_test t/faults/sweep.t t/install/make_install.t t/install/out_of_tree.t \
    t/lease/workers_test t/plugins/sqlite_picks_test t/select/uniform_test t/soak/postgresql_soak_test t/soak/redis_soak_test \
    t/versions/replay/replay_test t/versions/versions_model_test
needed_there = t/conformance/faulty/versioned.la
needed_by_these = t/conformance/liar_%.la t/conformance/faulty/%.la t/faults/failing_calls.la t/faults/reader t/faults/session \
    t/faults/sweep t/versions/replay/shelf.la t/versions/replay/stepped.la
check-elsewhere:
	@cd '$(srcdir)' && for test in $(decided_by_source); do \
	    test -e "$$test" || test -e "$$test.c" || { echo "$$test is left out, but is no test" >&2; exit 1; }; \
	    echo "left out, as another system cannot change its result: $$test"; \
	done
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter-out $(decided_by_source),$(TESTS))' \
	    check_PROGRAMS='$(filter-out $(decided_by_source) $(needed_by_these),$(check_PROGRAMS))' \
	    check_LTLIBRARIES='$(filter-out $(needed_by_these),$(check_LTLIBRARIES)) $(needed_there)'
.PHONY: check-elsewhere
