#!/bin/sh
# At the level debug the log tells what becomes of a key, and no credential.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/two.yaml" <<END
tiers: [{plugin: l2_jsonl, dir: $work/l2, shards: 1, max_entries: 1}, {plugin: l3_sqlite, path: $work/l3.db}]
END
export PROXTIER_CONFIG="$work/two.yaml"
run --log-level debug put --key first http://alice:hunter2@192.0.2.1:1
like "$err" ': debug: chain: put first: stored$' "a put"
all=$err
run --log-level debug put --key second http://192.0.2.2:1
like "$err" ': debug: l1: first leaves: the tier is full$' "an eviction"
run --log-level debug get first
like "$err" ': debug: chain: get first: tier l2 answers$' "a get"
like "$err" ': debug: l1: first is copied here from tier l2$' "a promotion"
all="$all $err"
run --log-level debug get third
like "$err" ': debug: chain: get third: no tier has it$' "a miss"
run --log-level debug delete first
like "$err" ': debug: chain: first leaves all tiers: it was deleted$' "a delete"
for _ in 1 2 3; do run --log-level debug report second fail; done
like "$err" ': debug: chain: second leaves all tiers: it failed too often$' "an eviction for failures"
! printf '%s' "$all $err" | grep -q -e hunter2 -e alice
ok $? "no credential"
run put --key first http://192.0.2.1:1
is "$err" "" "at the usual level nothing is told"
done_testing
