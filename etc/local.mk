# SPDX-License-Identifier: MIT
# Configuration and completions. The stock configuration is installed twice: where it is read, and under pkgdatadir as it
# came. By the second copy the next installation knows whether the first one was edited.
configdir = $(sysconfdir)/proxtier
stock_config = $(pkgdatadir)/proxtier.yaml
keep_edits = $(SHELL) '$(srcdir)/%D%/keep-edits'
EXTRA_DIST += %D%/Containerfile %D%/keep-edits %D%/proxtier.yaml

install-config:
	$(keep_edits) install '$(srcdir)/%D%/proxtier.yaml' '$(DESTDIR)$(configdir)/proxtier.yaml' '$(DESTDIR)$(stock_config)'
uninstall-config:
	$(keep_edits) uninstall '$(DESTDIR)$(configdir)/proxtier.yaml' '$(DESTDIR)$(stock_config)'
.PHONY: install-config uninstall-config

# Each is a line that asks the command for its completions: they are always those of the command that is installed.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = @zshcompletiondir@
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_bashcompletion_DATA = %D%/completions/proxtier
dist_zshcompletion_DATA = %D%/completions/_proxtier
dist_fishcompletion_DATA = %D%/completions/proxtier.fish

# Units for a system-wide pool. Nothing runs until an administrator enables a timer.
systemdunitdir = @systemdunitdir@
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
nodist_systemdunit_DATA = %D%/systemd/proxtier-check.service %D%/systemd/proxtier-expire.service
dist_systemdunit_DATA = %D%/systemd/proxtier-check.timer %D%/systemd/proxtier-expire.timer
EXTRA_DIST += %D%/systemd/proxtier-check.service.in %D%/systemd/proxtier-expire.service.in \
    %D%/systemd/sysusers.conf %D%/systemd/tmpfiles.conf
CLEANFILES += %D%/systemd/proxtier-check.service %D%/systemd/proxtier-expire.service

make_unit = $(MKDIR_P) %D%/systemd && sed -e 's|@bindir[@]|$(bindir)|' -e 's|@sysconfdir[@]|$(sysconfdir)|' \
    -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|'
%D%/systemd/proxtier-check.service: %D%/systemd/proxtier-check.service.in Makefile
	$(AM_V_GEN)$(make_unit) '$(srcdir)/%D%/systemd/proxtier-check.service.in' >$@.tmp && mv $@.tmp $@
%D%/systemd/proxtier-expire.service: %D%/systemd/proxtier-expire.service.in Makefile
	$(AM_V_GEN)$(make_unit) '$(srcdir)/%D%/systemd/proxtier-expire.service.in' >$@.tmp && mv $@.tmp $@

# Both files are named after the package where they are installed.
install-systemd-conf:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) '$(srcdir)/%D%/systemd/sysusers.conf' '$(DESTDIR)$(sysusersdir)/proxtier.conf'
	$(INSTALL_DATA) '$(srcdir)/%D%/systemd/tmpfiles.conf' '$(DESTDIR)$(tmpfilesdir)/proxtier.conf'
uninstall-systemd-conf:
	rm -f '$(DESTDIR)$(sysusersdir)/proxtier.conf' '$(DESTDIR)$(tmpfilesdir)/proxtier.conf'
.PHONY: install-systemd-conf uninstall-systemd-conf
