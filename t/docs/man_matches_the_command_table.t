#!/bin/sh
# The manual page of the command is the one that its tables make.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
"$PROXTIER" help --man >"$work/proxtier.1"
cmp -s "$work/proxtier.1" "$abs_top_srcdir/man/proxtier.1"
ok $? "man/proxtier.1 is what \`proxtier help --man\` prints"
done_testing
