# SPDX-License-Identifier: MIT
# Starts servers.py for a test, and ends it at the test's end. $port_NAME has the port of each server.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if [ ! -x "$PROXTIER_LIBEXEC_DIR/proxtier-check" ]; then
    skip "libcurl is not installed"
    done_testing
fi
if ! command -v python3 >/dev/null; then
    skip "python3 is not installed"
    done_testing
fi
mkfifo "$work/until"
python3 "$abs_top_srcdir/t/check/servers.py" <"$work/until" >"$work/ports" &
servers=$!
exec 9>"$work/until"
trap 'exec 9>&-; kill $servers 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 300); do
    grep -q ready "$work/ports" && break
    kill -0 $servers || exit 1
    sleep 0.1
done
while read -r name port; do
    [ "$name" = ready ] || eval "port_$name=$port"
done <"$work/ports"
page=http://127.0.0.1:$port_page
# check ARGUMENT...: proxtier check of the page; sets $out, $err and $code
check() {
    run check --url "$page/" "$@"
}
# field KEY NAME: a field of a proxy
field() {
    "$PROXTIER" show "$1" | sed -n "s/^$2 *//p"
}
