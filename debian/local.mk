# SPDX-License-Identifier: MIT
# Debian's packaging is in the tarball too, for `dpkg-buildpackage -us -uc -b` in an unpacked one.
EXTRA_DIST += \
    %D%/changelog %D%/control %D%/copyright %D%/dh_proxtier_plugin %D%/libproxtier-dev.docs \
    %D%/libproxtier-dev.install %D%/libproxtier-dev.lintian-overrides %D%/libproxtier-dev.manpages \
    %D%/libproxtier0.install %D%/libproxtier0.lintian-overrides %D%/libproxtier0.symbols %D%/not-installed \
    %D%/proxtier-check.install %D%/proxtier-check.lintian-overrides \
    %D%/proxtier-plugin-postgresql.install %D%/proxtier-plugin-postgresql.lintian-overrides \
    %D%/proxtier-plugin-postgresql.manpages \
    %D%/proxtier-plugin-redis.install %D%/proxtier-plugin-redis.lintian-overrides %D%/proxtier-plugin-redis.manpages \
    %D%/proxtier.dirs %D%/proxtier.docs %D%/proxtier.install %D%/proxtier.lintian-overrides %D%/proxtier.manpages \
    %D%/proxtier.postrm %D%/proxtier_plugin.pm %D%/rules %D%/source/format %D%/source/lintian-overrides \
    %D%/tests/check %D%/tests/control %D%/tests/library %D%/tests/main-job %D%/tests/postgresql-tier %D%/tests/redis-tier \
    %D%/tests/service-user %D%/tests/third-party-plugin %D%/tests/two-users
