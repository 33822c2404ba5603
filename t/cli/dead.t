#!/bin/sh
# A proxy that failed too often is known as dead: the next list does not bring it back, --reset and put do.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
counts() { echo "$out" | sed 's/ in [0-9.]* s$//'; }
dead=http://192.0.2.2:80
list="$work/list.txt"
printf 'http://192.0.2.1:80\n%s\nhttp://192.0.2.3:80\n' "$dead" >"$list"
# fail_too_often OPTION...
fail_too_often() {
    for _ in 1 2 3; do run "$@" report "$dead" fail; done
}
# pool NAME OPTION...: the same for each kind of pool
pool() {
    name=$1
    shift
    run "$@" warm "$list"
    fail_too_often "$@"
    like "$out" "evicted\|removed" "$name: it leaves the pool"
    run "$@" warm "$list"
    is "$(counts)" "loaded 0, updated 2, duplicate 0, refused 0, known as dead 1" "$name: the list does not bring it back"
    is "$code" 0 "$name: which is no error"
    like "$err" "list.txt:2:1: known as dead: [0-9a-f]\{16\}$" "$name: it is named"
    like "$err" "notice: known as dead: 1; .*--reset" "$name: and it is said what to do"
    run "$@" -q warm --json "$list"
    like "$out" '"known_dead": 1,' "$name: --json counts it"
    is "$err" "" "$name: -q names nothing"
    run "$@" list
    is "$(echo "$out" | grep -c .)" 2 "$name: it is not listed"
    like "$err" "known as dead: 1" "$name: list says so"
    run "$@" stats
    like "$out" "^known as dead: 1$" "$name: stats too"
    run "$@" stats --json
    like "$out" '"known_dead": 1' "$name: stats --json too"
    run "$@" stats --openmetrics
    like "$out" '^proxtier_pool_known_dead 1$' "$name: and OpenMetrics"
    run "$@" expire
    run "$@" warm --reject "$work/rejected" "$list"
    like "$(cat "$work/rejected")" "known as dead" "$name: expire forgets nothing; --reject has it"
    run "$@" warm --reset "$list"
    is "$(counts)" "loaded 1, updated 2, duplicate 0, refused 0" "$name: --reset brings it back"
    fail_too_often "$@"
    run "$@" put "$dead"
    is "$code" 0 "$name: so does put"
    run "$@" list
    is "$(echo "$out" | grep -c .) $err" "3 " "$name: and nothing is known as dead"
}

pool "the built-in chain"
for kind in l2_jsonl l2_sqlite l3_sqlite; do
    place="dir: $work/$kind"
    [ $kind = l3_sqlite ] && place="path: $work/l3.db"
    echo "tiers: [{plugin: l1_memory}, {plugin: $kind, $place}]" >"$work/$kind.yaml"
    pool "$kind" -c "$work/$kind.yaml"
done

# A list of nothing but dead ones is not empty.
fresh
printf '%s\n' "$dead" >"$work/one.txt"
run put "$dead"
fail_too_often
run warm "$work/one.txt"
is "$code $(counts)" "0 loaded 0, updated 0, duplicate 0, refused 0, known as dead 1" "a list of dead proxies is not empty"
run warm "$work/one.txt" "$work/one.txt"
is "$(counts)" "loaded 0, updated 0, duplicate 1, refused 0, known as dead 1" "each is counted once"

fresh
printf 'health: {dead_for: 0}\n' >"$work/off.yaml"
run -c "$work/off.yaml" warm "$list"
fail_too_often -c "$work/off.yaml"
run -c "$work/off.yaml" warm "$list"
is "$(counts)" "loaded 1, updated 2, duplicate 0, refused 0" "dead_for: 0: the list brings it back"
done_testing
