#!/bin/sh
# A test that skips a check for a reason which t/lib/skips does not list fails; the list names what the tests can say.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
# drive TAP-LINE...: runs the driver on a test that prints the lines; sets $result and $said
drive() {
    printf '%s\n' "$@" >"$work/tap"
    printf 'cat %s/tap\n' "$work" >"$work/test"
    said=$(cd "$work" && AM_TAP_AWK=${AWK:-awk} sh "$abs_top_srcdir/t/lib/driver.sh" "$abs_top_srcdir/build-aux/tap-driver.sh" \
        --test-name a_test --log-file a.log --trs-file a.trs --color-tests no --enable-hard-errors yes \
        --expect-failure no -- sh "$work/test")
    result=$(sed -n 's/^:global-test-result: //p' "$work/a.trs")
}
drive 'ok 1 - all is well' '1..1'
is "$result" PASS "a test that skips nothing passes"
drive 'ok 1 - it is well' 'ok 2 - # SKIP no C++ compiler' '1..2'
is "$result" PASS "... also if it skips what the list names"
drive 'ok 1 - # SKIP put_many: tear: the session makes no such call' '1..1'
is "$result" SKIP "... by a pattern"
drive '1..0 # SKIP proxywhirl is not installed'
is "$result" SKIP "... or as a whole"
drive 'ok 1 - it is well' 'ok 2 - # SKIP it is Monday' '1..2'
is "$result $(grep -c '^:test-result: FAIL' "$work/a.trs")" "FAIL 1" "a test fails that skips for another reason"
like "$said" "^FAIL: a_test - .*it is Monday$" "... and the reason is told"
is "$(sed -n 's/^:recheck: //p' "$work/a.trs")" yes "... and the test is run again by make recheck"
drive '1..0 # SKIP it is Monday'
is "$result" FAIL "... also if it skips as a whole"
drive 'ok 1 - # skip no C++ compiler, and it is Monday' '1..1'
is "$result" FAIL "... also if a listed reason is only a part of it"
drive 'not ok 1 - it is ill' '1..1'
is "$result" FAIL "a test that fails fails"

# The list and the sources say the same.
sources=$(find "$abs_top_srcdir/t" -name '*.[cht]' -o -name '*.sh' | grep -v -e '/t/docs/skips\.t$' -e '/t/lib/driver\.sh$')
is "$(grep -v -e '^#' -e '^$' "$abs_top_srcdir/t/lib/skips" | while IFS= read -r reason; do
    # shellcheck disable=SC2086 # the names of our sources have no blanks
    cat $sources | grep -q -F -e "${reason#\*}" || echo "$reason"
done)" "" "each reason of the list is in a test"
done_testing
