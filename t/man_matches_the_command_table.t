#!/bin/sh
# The manual page is the one that the command table makes; all pages are sound.
. "${abs_top_srcdir:-.}/t/lib.sh"
"$PROXTIER" help --man >"$work/proxtier.1"
cmp -s "$work/proxtier.1" "$abs_top_srcdir/man/proxtier.1"
ok $? "man/proxtier.1 is what \`proxtier help --man\` prints"
for page in "$abs_top_srcdir"/man/*.[0-9]; do
    if command -v mandoc >/dev/null; then
        is "$(mandoc -Tlint -Wwarning "$page" 2>&1 | grep -v -e 'referenced manual not found' -e 'lower case character')" "" "${page##*/} is sound"
    else
        skip "mandoc is not installed"
    fi
done
done_testing
