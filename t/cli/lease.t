#!/bin/sh
# Workers lease proxies: lease, renew, release, leases.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
echo hunter2 >"$work/password"
run put http://192.0.2.1:8080
run put --username bob --password-file "$work/password" http://192.0.2.2:8080
tab=$(printf '\t')
run lease --for 'worker 1'
first=${out%%"$tab"*}
like "$out" "^[0-9a-f]\{32\}-[0-9a-f]\{16\}${tab}http://192.0.2.[12]:8080\$" "lease prints the name of the lease and the URL"
run lease --ttl 15m --json
like "$out" '^{"schema": 1, "lease": "[0-9a-f]*-[0-9a-f]*", "proxy": {"key": "' "with --json an object"
second=$(printf '%s\n' "$out" | sed 's/^{"schema": 1, "lease": "\([^"]*\)".*/\1/')
run lease
is "$code $out" "75 " "no third worker gets one: exit 75"
like "$err" 'each of the 2 proxies that match is leased' "and a message that says so"
run lease --scheme socks5
is "$code $out" "1 " "if no proxy matches: exit 1"
like "$err" 'no proxy matches' "and a message"
run -q lease --scheme socks5
is "$code $err" "1 " "which -q silences"
run leases
is "$(printf '%s\n' "$out" | wc -l)" 2 "leases lists the two"
like "$out" "^$first${tab}20[0-9-]*T[0-9:.]*Z${tab}worker 1\$" "with name, end and worker"
run leases --json
like "$out" "^{\"schema\": 1, \"lease\": \"$second\", \"key\": \"${second#*-}\", \"for\": \"\", \"max_concurrent\": 1, \"until\": \"20" \
    "and as JSON"
run renew --ttl 1h "$first"
is "$code $out$err" "0 " "a lease is renewed"
run release "$first" ok
is "$code $out" "0 healthy" "and released, with a report"
run release "$first"
is "$code $out" "1 " "a second release finds it lost: exit 1"
like "$err" "lease $first was lost: it ended before" "with a message"
run renew "$first"
is "$code" 1 "and so does a renewal"
run release "$second" fail --latency 12 --reason refused
is "$code $out" "0 degraded" "a failure is recorded"
run history "${second#*-}"
like "$out" 'degraded.*refused' "with its reason"
run leases
is "$code $out" "0 " "none is held"

run lease --max-concurrent 2 --healthy
is "$code" 0 "a selection takes the healthy one"
run lease --max-concurrent 2 --healthy
is "$code" 0 "a second time where two may have it"
run lease --max-concurrent 1 --healthy
is "$code" 75 "a worker that wants it alone does not get it"

run lease --choose no-such-way
is "$code" 64 "a way to choose that there is not is refused"
run lease --choose sticky
is "$code" 64 "and sticky without a session"
run lease --ttl 0s
is "$code" 64 "a ttl of 0 is refused"
run lease --max-concurrent 0
is "$code" 64 "and a limit of 0"
run lease --for "$(printf 'a\tb')"
is "$code" 65 "and a worker's name that would break the list"
run renew nonsense
is "$code" 65 "what is not the name of a lease is refused"
like "$err" 'not the name of a lease' "with a message"
run release nonsense
is "$code" 65 "by release too"
run release "$first" good
is "$code" 64 "an outcome that is neither ok nor fail"
run release "$first" --reason x
is "$code" 64 "a reason without an outcome"

fresh
run put --username bob --password-file "$work/password" http://192.0.2.2:8080
run lease --reveal --ttl 1s
like "$out" 'http://bob:hunter2@192.0.2.2:8080$' "--reveal shows credentials"
lease=${out%%"$tab"*}
run release "$lease"
run lease --reveal --ttl 1s --json
like "$out" '"url": "http://bob:hunter2@192.0.2.2:8080"' "and with --json in a member"
sleep 2
run lease
is "$code" 0 "a lease that nobody renews ends by itself"

# The first one in the order that is free.
fresh
run put --key a http://192.0.2.1:8080
run put --key b http://192.0.2.2:8080
run put --key c http://192.0.2.3:8080
run report b ok --latency 10
run report a ok --latency 20
order=
for i in 1 2 3; do
    run lease --choose fastest
    order="$order ${out#*://192.0.2.}"
done
is "$order" " 2:8080 1:8080 3:8080" "--choose fastest gives the fastest, then the second, then one that is not known"

# Standard output that cannot be written: nobody would know the lease.
fresh
run put http://192.0.2.1:8080
if [ -w /dev/full ]; then
    "$PROXTIER" lease >/dev/full 2>/dev/null
    is $? 74 "a lease whose name cannot be printed: exit 74"
    run leases
    is "$out" "" "and the lease is given back"
else
    skip "no /dev/full"
fi

cat >"$work/jsonl.yaml" <<END
tiers: [{plugin: l1_memory}, {plugin: l2_jsonl, dir: $work/jsonl}]
END
run -c "$work/jsonl.yaml" put http://192.0.2.1:8080
run -c "$work/jsonl.yaml" lease
is "$code" 69 "a chain that keeps no leases: exit 69"
like "$err" 'no tier of this chain keeps leases: l3_sqlite and l2_sqlite do' "and a message that names tiers which do"
done_testing
