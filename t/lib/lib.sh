# SPDX-License-Identifier: MIT
# TAP in shell, and a private home for each test. Source it first, end with done_testing.
: "${abs_top_builddir:=$PWD}" "${abs_top_srcdir:=$PWD}"
. "$abs_top_srcdir/t/lib/environment.sh"
work=$(mktemp -d /tmp/proxtier-t-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
HOME=$work
export HOME
tests_run=0
tests_failed=0

# ok STATUS NAME: passes where STATUS is 0
ok() {
    tests_run=$((tests_run + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests_run - $2"
    else
        echo "not ok $tests_run - $2"
        tests_failed=$((tests_failed + 1))
    fi
}
# is GOT WANTED NAME
is() {
    [ "$1" = "$2" ]
    ok $? "$3"
    [ "$1" = "$2" ] || printf '     got %s\nexpected %s\n' "$1" "$2" | sed 's/^/# /'
}
# like TEXT PATTERN NAME: a basic regular expression
like() {
    printf '%s\n' "$1" | grep -q -e "$2"
    if [ $? -eq 0 ]; then ok 0 "$3"; else
        ok 1 "$3"
        printf '     got %s\nexpected %s\n' "$1" "$2" | sed 's/^/# /'
    fi
}
skip() {
    tests_run=$((tests_run + 1))
    echo "ok $tests_run - # SKIP $1"
}
# run ARGUMENT...: proxtier; sets $out, $err and $code
run() {
    "$PROXTIER" "$@" >"$work/.out" 2>"$work/.err" </dev/null
    code=$?
    out=$(cat "$work/.out")
    err=$(cat "$work/.err")
}
# A fresh home.
fresh() {
    rm -rf "$work/.cache" "$work/.local" "$work/.config"
}
done_testing() {
    echo "1..$tests_run"
    [ "$tests_failed" -eq 0 ]
    exit
}
