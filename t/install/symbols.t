#!/bin/sh
# Debian's list of symbols has what the library exports: each new function is added when it is made.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
nm -D --defined-only "$abs_top_builddir/.libs/libproxtier.so" |
    sed -n 's/^[0-9a-f]* [A-Z] \([a-z_]*\)@@.*/\1/p' | LC_ALL=C sort >"$work/exported"
sed -n 's/^ \([a-z_]*\)@.*/\1/p' "$abs_top_srcdir/debian/libproxtier0.symbols" | LC_ALL=C sort >"$work/listed"
[ "$(wc -l <"$work/exported")" -gt 20 ]
ok $? "the library exports functions"
is "$(LC_ALL=C comm -23 "$work/exported" "$work/listed")" "" "each of them is in debian/libproxtier0.symbols"
is "$(LC_ALL=C comm -13 "$work/exported" "$work/listed")" "" "... and nothing else is"
done_testing
