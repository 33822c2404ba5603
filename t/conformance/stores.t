#!/bin/sh
# `proxtier plugin test` of a tier whose store is elsewhere, or slow: --reset, --second, --timeout, --check.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
here=dir=$work/here
there=dir=$work/there
reset="rm -rf '$work/here' '$work/there'"

# ---- a store that is not in the suite's folder ----
run plugin test l2_jsonl --options "$here"
is "$code" 1 "a store that keeps the entries of earlier checks fails"
like "$out" 'name a command that empties it by --reset' "... and the message names --reset"
is "$(printf '%s\n' "$out" | grep -c '^not ok')" 2 "... once"
rm -rf "$work/here"
run plugin test l2_jsonl --options "$here" --reset "$reset"
is "$code" 0 "emptied by --reset it passes"
printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
like "$out" 'two stores are two # SKIP .*--second' "with options, and without --second, there is one store: skipped, with the reason"
run plugin test l2_jsonl --options "$here" --second "$there" --reset "$reset" --check 'two stores'
is "$code" 0 "--second makes another store"
like "$out" '^ok 2 - two stores are two$' "... which is compared with the first"
run plugin test l2_jsonl --options "$here" --second "$here" --reset "$reset" --check 'two stores'
is "$code" 1 "two stores that are one are told"
run plugin test l2_jsonl --options "$here" --reset 'echo printed; exit 3'
is "$code" 1 "a command of --reset that fails ends the run"
like "$out" 'the command of --reset ends with status 3' "... with its status"
like "$err" printed "its output is on standard error, for standard output is TAP"

# ---- a part of the checks ----
run plugin test l1_memory --check 'keys of one hash'
is "$out" "$(printf 'ok 1 - it can be loaded\n# l1_memory 1.0.0, ABI %s\nok 2 - tells keys of one hash apart\n1..2' \
    "$("$PROXTIER" --version | sed -n 's/.*ABI \([0-9.]*\).*/\1/p')")" "--check runs the checks of that name"
run plugin test l1_memory --check 'no such'
is "$code" 1 "no check of that name"

# ---- a slow store ----
slow() { # DELAY ARGUMENT...
    delay=$1
    shift
    run plugin test fault --options "tier=l1_memory,faults=any all delay $delay" "$@"
}
slow 300ms --timeout 2s --check 'replaces, deletes'
is "$code" 0 "a check may take longer than --timeout"
slow 3s --timeout 1s --check 'replaces, deletes'
like "$out" 'it hangs in put' "a call may not"
begun=$(date +%s)
slow 5ms
is "$code" 0 "a tier that takes 5 ms a call passes"
printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
[ $(($(date +%s) - begun)) -lt 120 ]
ok $? "... within two minutes"
like "$out" '^# a call takes [0-9.]* ms: this was done [0-9]* times, not [0-9]*' "... and it says where it did less"
done_testing
