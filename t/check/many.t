#!/bin/sh
# check has hundreds of requests in flight, as many as it is told, and as the limit of open files allows.
. "${abs_top_srcdir:-.}/t/check/check_kit.sh"
# Custom keys: 500 entries of two addresses.
for i in $(seq 250); do
    echo "{\"key\": \"good$i\", \"proxy_url\": \"http://127.0.0.1:$port_http\", \"source\": \"good\"}"
    echo "{\"key\": \"dead$i\", \"proxy_url\": \"http://127.0.0.1:$port_dead\", \"source\": \"dead\"}"
done >"$work/list.jsonl"
run warm "$work/list.jsonl"
like "$out" '^loaded 500,' "500 proxies, half of them dead"

run check --url "$page/slow" --source good --timeout 50s -j 250
like "$out" '^good 250, failed 0 (evicted 0), not due 0, not checked 0' "250 slow requests at the same time are good"
most=$(run get --reveal good1; python3 -c "
import urllib.request
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open('$page/most').read().decode())")
[ "$most" -gt 100 ]
ok $? "far more than a hundred of them were in flight together"
echo "# $most were"

run check --all --url "$page/" --timeout 50s
like "$out" '^good 250, failed 250 (evicted 0), not due 0, not checked 0' "500 at once: each is counted once"
run list --source dead --health degraded --keys
is "$(echo "$out" | sort -u | wc -l)" 250 "each dead one was reported"
run list --source good --healthy --keys
is "$(echo "$out" | sort -u | wc -l)" 250 "and each good one"
run check --all --url "$page/" --timeout 50s -j 1 --source dead
like "$out" '^good 0, failed 250 (evicted 0)' "-j 1: one after the other"
(ulimit -n 80 && "$PROXTIER" check --all --url "$page/" --timeout 50s) >"$work/out"
like "$(cat "$work/out")" '^good 250, failed 250 (evicted 250), not due 0, not checked 0' \
    "a low limit of open files makes it slower, and no proxy bad"
done_testing
