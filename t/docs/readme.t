#!/bin/sh
# The README's tour prints what the README says, and its programs compile and run.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
readme=$abs_top_srcdir/README.md
cd "$work" || exit 1
ln -s "$abs_top_builddir/run" run
ln -s "$abs_top_srcdir/examples" examples

# The tour: lines that begin with "$ " are commands, the others what they print. Durations differ.
sed -n '/<!-- the tour/,/^```$/p' "$readme" | grep -v -e '^<!--' -e '^```' >tour
same_duration() { sed 's/ in [0-9.]* s$/ in N s/'; }
check_step() { # COMMAND EXPECTED-FILE
    got=$(sh -c "$1" 2>/dev/null </dev/null | same_duration)
    is "$got" "$(same_duration <"$2")" "$1"
}
command=
while IFS= read -r line; do
    case $line in
    '$ '*)
        [ -z "$command" ] || check_step "$command" expected
        command=${line#'$ '}
        : >expected
        ;;
    *) printf '%s\n' "$line" >>expected ;;
    esac
done <tour
check_step "$command" expected
[ "$tests_run" -ge 10 ]
ok $? "the tour has at least ten steps"

command=$(sed -n '/<!-- the test command -->/,/^```$/p' "$readme" | grep -v -e '^<!--' -e '^```')
like "$command" '^\./bootstrap --test-deps && .* && make check$' "the test command is where .ci/run finds it"

sed -n '/^```c$/,/^```$/p' "$readme" | grep -v '^```' >example.c
# The flags that this build was made with, a sanitizer's among them.
make_variable() { sed -n "s/^$1 = //p" "$abs_top_builddir/Makefile"; }
# shellcheck disable=SC2046,SC2086
${TEST_CC:-cc} -std=c11 -Wall -Wextra -Werror $(make_variable SANITIZE) -I"$abs_top_srcdir/include" -o example example.c \
    -L"$abs_top_builddir/.libs" -lproxtier -Wl,-rpath,"$abs_top_builddir/.libs"
ok $? "the program compiles"
is "$(./example)" 'http://192.0.2.7:3128' "... and prints what it put"

# shellcheck disable=SC2046,SC2086
${TEST_CC:-cc} -std=c11 -Wall -Wextra -Werror $(make_variable SANITIZE) -shared -fPIC -I"$abs_top_srcdir/include" \
    -o forgetful.so examples/forgetful.c
ok $? "the smallest tier compiles"
chmod go-w . forgetful.so
echo "tiers: [{plugin: $work/forgetful.so}, {plugin: l2_jsonl}]" >chain.yaml
run -c chain.yaml get http://192.0.2.7:3128
is "$out" 'http://192.0.2.7:3128' "... and stands in a chain"
done_testing
