#!/bin/sh
# A test sees what this build made and nothing of the machine, whatever stands in the environment, in the home and in
# the system's folder; and the system's configuration is read where a user has none.
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$PWD}"
hostile=$(mktemp -d /tmp/proxtier-hostile-XXXXXX) || exit 1
mkdir -p "$hostile/home/.config/proxtier" "$hostile/etc/proxtier"
echo 'not: a configuration' >"$hostile/home/.config/proxtier/proxtier.yaml"
echo 'nor: this' >"$hostile/etc/proxtier/proxtier.yaml"
HOME=$hostile/home XDG_CONFIG_HOME=$hostile/home/.config PROXTIER_CONFIG=$hostile/none.yaml PROXTIER_DEFAULT_TTL=no
PROXTIER_SYSCONFDIR=$hostile/etc PROXTIER_PLUGIN_PATH=$hostile PROXYWHIRL_CACHE_ENCRYPTION_KEY=wrong
export HOME XDG_CONFIG_HOME PROXTIER_CONFIG PROXTIER_DEFAULT_TTL PROXTIER_SYSCONFDIR PROXTIER_PLUGIN_PATH
export PROXYWHIRL_CACHE_ENCRYPTION_KEY
umask 077
. "$abs_top_srcdir/t/lib/lib.sh"
trap 'rm -rf "$work" "$hostile"' EXIT
run config check
is "$out$err" "built-in: ok" "variables, home and system folder of the machine are not seen"
run put http://ann:s3cret@192.0.2.1:80
is "$code" 0 "... nor is a key from the environment"
is "$(umask)" 0022 "... nor the umask"

PROXTIER_SYSCONFDIR=$hostile/etc
run config check
like "$err" "$hostile/etc/proxtier/proxtier.yaml:1:1: unknown option" "without a user's file the system's is read"
echo 'default_ttl: 3h' >"$hostile/etc/proxtier/proxtier.yaml"
mkdir -p "$work/.config/proxtier"
echo 'default_ttl: 2h' >"$work/.config/proxtier/proxtier.yaml"
run config show
like "$out" '^default_ttl: 2h' "... and the user's counts where there are both"

header=$abs_top_srcdir/include/proxtier/plugin.h
number() { sed -n "s/^#define PXT_ABI_$1 \([0-9]*\).*/\1/p" "$header"; }
abi=$(sed -n 's/^#define PXT_ABI_TEXT "\(.*\)"/\1/p' "$header")
is "${abi%-rc}" "$(number MAJOR).$(number MINOR)" "the header tells the plugin ABI as the same numbers and text"
for file in proxtier.pc proxtier-plugin.pc; do
    is "$(sed -n 's/^abi_version=//p' "$abs_top_builddir/$file")" "$abi" "$file says the plugin ABI of the header"
done
done_testing
