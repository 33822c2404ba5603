#!/bin/sh
# The options that select and choose, as a user types them.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/list.json" <<'LIST'
[{"ip": "192.0.2.1", "port": 80, "protocol": "http", "country": "DE", "latency": 40, "tags": ["eu", "fast"]},
 {"ip": "192.0.2.2", "port": 80, "protocol": "http", "country": "US", "latency": 900, "tags": "slow, us"},
 {"ip": "192.0.2.3", "port": 1080, "protocol": "socks5"}]
LIST
run warm "$work/list.json"
run put http://alice:secret@192.0.2.9:8080
key=$out
listed() { "$PROXTIER" list "$@" | sed 's/.*\.\([0-9]*\):.*/\1/' | sort | tr -d '\n'; }
is "$(listed --tag eu)" 1 "a tag of a list of texts"
is "$(listed --tag us)" 2 "a tag between commas"
is "$(listed --country de)" 1 "a country"
is "$(listed --max-latency 50)" 1 "a latency that a list published"
is "$(listed --host '192.0.2.?' --scheme http)" 129 "a pattern of hosts, and a scheme"
is "$(listed --health unknown,healthy)" 1239 "several healths"
is "$(listed --healthy)" "" "no health"
is "$(listed --min-ttl 2h)" "" "a time to live"
is "$("$PROXTIER" export --tag eu | grep -c proxy_url)" 1 "export of a selection"

# Each of these is a process of its own: they share the place of the circle.
first=$(for _ in 1 2 3 4; do "$PROXTIER" get --choose round-robin; done)
is "$(echo "$first" | sort -u | wc -l)" 4 "round-robin among processes gives each once"
is "$(for _ in 1 2 3 4; do "$PROXTIER" get --choose round-robin; done)" "$first" "... and again in the same order"
is "$(for _ in 1 2 3 4; do "$PROXTIER" get --choose least-recently-used; done | sort -u | wc -l)" 4 \
    "least-recently-used among processes gives each once"
is "$("$PROXTIER" get --choose fastest)" http://192.0.2.1:80 "the fastest"
is "$("$PROXTIER" get --session alice)" "$("$PROXTIER" get --choose sticky --session alice)" "a session keeps its proxy"
is "$("$PROXTIER" get -n 10 | sort -u | wc -l)" 4 "-n gives each once"

run get --show key,url,username http://alice@192.0.2.9:8080
is "$out" "$(printf '%s\thttp://192.0.2.9:8080\t(sealed)' "$key")" "--show key and more"
run get --show url,password --reveal "$key"
is "$out" "$(printf 'http://alice:secret@192.0.2.9:8080\tsecret')" "--show with --reveal"
run get --json --reveal "$key"
like "$out" '.*"url": "http://alice:secret@192.0.2.9:8080"}' "--json with --reveal has the credentials"
run list --json --reveal
is "$(echo "$out" | grep -c '"url": "http://alice:secret@192.0.2.9:8080"}')" 1 "so has list"
run list --json
is "$(echo "$out" | grep -c secret)" 0 "... and without has not"

for wrong in '--health helthy:healthy' '--scheme htpp:http' '--choose rondom:random'; do
    run get ${wrong%:*}
    is "$code" 64 "get ${wrong%:*}: an error"
    like "$err" ".*did you mean \"${wrong#*:}\".*" "... that names what was meant"
done
run get --choose sticky
is "$code" 64 "sticky needs a session"
run get -n 2 "$key"
is "$code" 64 "-n goes without a key"
run get --show nonsense
is "$code" 64 "a field that there is not"
run delete
is "$code" 64 "delete of nothing"
run delete --tag eu
is "$code/$(listed)" "0/239" "delete of a selection"
run delete --tag eu
is "$code" 1 "... which is empty then"
done_testing
