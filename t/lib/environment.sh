# SPDX-License-Identifier: MIT
# The environment of every test: a test sees what this build made and what it makes itself, and nothing of the machine:
# no installed configuration, no variable of the user's, no home. Sourced by the test driver and by lib.sh; needs
# abs_top_builddir and abs_top_srcdir. TEST_PROXTIER, TEST_PLUGINS and TEST_LIBEXEC name another command, folder of plugins, and folder of its programs to test.
for variable in $(env | sed -n 's/^\(PROXTIER_[A-Z0-9_]*\|PROXYWHIRL_[A-Z0-9_]*\|XDG_[A-Z_]*\)=.*/\1/p'); do
    case $variable in
    PROXTIER_SHARED) ;;    # where a test finds lists that are not part of the package
    PROXYWHIRL_PYTHON) ;; # a python with ProxyWhirl, for t/proxywhirl
    *) unset "$variable" ;;
    esac
done
unset CREDENTIALS_DIRECTORY
PROXTIER=${TEST_PROXTIER:-$abs_top_builddir/proxtier}
REPLAY=$abs_top_builddir/bench/replay
PROXTIER_LIBEXEC_DIR=${TEST_LIBEXEC:-$abs_top_builddir}
PROXTIER_PLUGIN_PATH=${TEST_PLUGINS:-$abs_top_builddir/plugins/.libs}
PROXTIER_REFUSED_PLUGINS=$abs_top_builddir/t/plugins/refused/.libs
# Neither folder exists: a test that needs one sets its own.
PROXTIER_SYSCONFDIR=$abs_top_builddir/t/no-etc
HOME=$abs_top_builddir/t/no-home
export PROXTIER REPLAY PROXTIER_LIBEXEC_DIR PROXTIER_PLUGIN_PATH PROXTIER_REFUSED_PLUGINS PROXTIER_SYSCONFDIR HOME
export abs_top_builddir abs_top_srcdir
umask 022
