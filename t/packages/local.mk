# SPDX-License-Identifier: MIT
# Packages, in bare systems that the test makes: up to 20 minutes, not part of `make check`. PACKAGES_ROOTS names some of the
# systems, PACKAGES_OUT a folder for the packages of the first.
check-packages: dist
	$(SHELL) '$(srcdir)/%D%/check' '$(abs_top_builddir)/$(PACKAGE)-$(VERSION).tar.xz' $(PACKAGES_ROOTS)
.PHONY: check-packages
EXTRA_DIST += %D%/README.md %D%/build.part %D%/check %D%/cross.part %D%/hook %D%/inside %D%/system \
    %D%/third-party %D%/use.part
