#!/bin/sh
# What a list publishes about its proxies is kept; what was learnt here counts more.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
samples=$abs_top_srcdir/t/lists/samples
# has URL FIELD PATTERN NAME
has() {
    run show "$1"
    like "$out" "^$2  *$3\$" "$4"
}
run warm "$samples/geonode.json"
has socks4://192.0.2.1:1080 country IT "a country"
has socks4://192.0.2.1:1080 metadata '{.*"anonymity": "elite".*}' "anonymity"
has socks4://192.0.2.1:1080 metadata '{.*"latency_ms": 52.5, .*}' "a latency"
has socks4://192.0.2.1:1080 metadata '{.*"success_rate": 87.5, .*}' "a rate"
has socks4://192.0.2.1:1080 last_health_check '2026-03-01T00:00:00.*' "a time in seconds"
run warm "$samples/webshare.json"
has "http://alice@192.0.2.1:8168" health_status healthy "valid: true"
has "http://alice@192.0.2.2:8168" health_status unhealthy "valid: false"
has "http://alice@192.0.2.1:8168" last_health_check '2026-03-01T18:00:00.*' "a time with an offset"
run warm "$samples/monosans.json"
has http://192.0.2.1:80 country NL "a country in an object in an object"
run warm "$samples/proxybroker.json"
has https://192.0.2.1:8080 metadata '{.*"latency_ms": 1500.*}' "a latency in seconds"
run warm "$samples/table.csv"
has http://192.0.2.2:3128 country DE "a country's code is better than its name"
has http://192.0.2.2:3128 metadata '{.*"country": "Germany".*}' "... which is kept too"
run warm "$samples/proxywhirl_storage.json"
for pair in health_status:healthy total_health_checks:10 total_health_check_failures:1 country:SE ttl_seconds:86400; do
    has "socks5://alice@192.0.2.1:1080" "${pair%:*}" "${pair#*:}" "ProxyWhirl's storage: ${pair%:*}"
done
cat >"$work/a.json" <<'LIST'
[{"ip": "192.0.2.50", "port": 80, "protocol": "http", "status": "healthy", "total_checks": 8, "success_rate": 75.0,
  "session_token": "hunter2", "note": "hunter2"}]
LIST
run warm "$work/a.json"
has http://192.0.2.50:80 total_health_check_failures 2 "failures from checks and their rate"
run show http://192.0.2.50:80
is "$(echo "$out" | grep -c hunter2)" 0 "members of unknown names are not kept: they may be credentials"
run report http://192.0.2.50:80 fail
sed -i 's/"total_checks": 8/"total_checks": 80/; s/75.0/50.0/' "$work/a.json"
run warm "$work/a.json"
has http://192.0.2.50:80 total_health_checks 9 "what was learnt here is not replaced"
has http://192.0.2.50:80 metadata '{.*"total_checks": 80.*}' "... but what is published is"
run export "$work/all.jsonl"
"$PROXTIER" list --json | sort >"$work/before"
fresh
run warm "$work/all.jsonl"
is "$("$PROXTIER" list --json | sed 's/"fetch_time.*"ttl/"ttl/' | sort)" "$(sed 's/"fetch_time.*"ttl/"ttl/' "$work/before")" \
    "an export has it all"
done_testing
