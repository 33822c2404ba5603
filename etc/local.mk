# SPDX-License-Identifier: MIT
# Configuration and completions. The stock configuration is installed twice: where it is read, and under pkgdatadir as it
# came. By the second copy the next installation knows whether the first one was edited.
configdir = $(sysconfdir)/proxtier
stock_config = $(pkgdatadir)/proxtier.yaml
keep_edits = $(SHELL) '$(srcdir)/%D%/keep-edits'
EXTRA_DIST += %D%/keep-edits %D%/proxtier.yaml

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
