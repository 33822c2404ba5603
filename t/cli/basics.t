#!/bin/sh
# put, get, list, show, report, delete, clear, stats, as a user types them, without any configuration.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run put http://192.0.2.1:8080
is "$code" 0 "put"
key=$out
is "${#key}" 16 "prints the key"
run get "$key"
is "$out" http://192.0.2.1:8080 "get by key"
run get --tier http://192.0.2.1:8080
is "$out" "$(printf 'http://192.0.2.1:8080\tl2')" "get by URL, from another process: the file tier answers"
run get 0000000000000000
is "$code/$out/$err" "1//" "get of an unknown key: exit 1, silence"
run get
is "$out" http://192.0.2.1:8080 "get without a key: any"
run get --scheme socks5
is "$code" 1 "get of a scheme that there is not"
run put --source premium --ttl 2h socks5://192.0.2.2:1080
run list
is "$(echo "$out" | sort | tr '\n' ' ')" "http://192.0.2.1:8080 socks5://192.0.2.2:1080 " "list: one URL a line"
run list --source premium
is "$out" socks5://192.0.2.2:1080 "list of one source"
run list --json
like "$out" '"ttl_seconds": 7200' "list as JSON"
run show socks5://192.0.2.2:1080
like "$out" '^source  *premium$' "show"
like "$out" '^ttl_seconds  *7200$' "show: a time to live in seconds"
run report "$key" fail --reason 'timed out' --latency 1500
is "$out" degraded "report of a failure"
run show "$key"
like "$out" '^last_health_error  *timed out$' "its reason is kept"
run report "$key" ok
is "$out" healthy "report of a success"
run list --healthy
is "$out" http://192.0.2.1:8080 "list of the healthy"
for _ in 1 2 3; do run report "$key" fail; done
is "$out" "unhealthy, evicted" "three failures in a row evict"
run get "$key"
is "$code" 1 "and it is gone"
run stats
like "$out" '^l3 (l3_sqlite): on, 1 entries$' "stats"
run stats --json
like "$out" '"schema": 1' "stats as JSON"
run stats --flat
like "$out" '^cache.overall.hit_rate ' "stats as flat metrics"
run stats --openmetrics
is "$(echo "$out" | tail -n 1)" "# EOF" "OpenMetrics end as they must"
run delete socks5://192.0.2.2:1080
is "$code" 0 "delete"
run delete socks5://192.0.2.2:1080
is "$code" 1 "delete twice: exit 1"
run clear
is "$code" 64 "clear asks before it removes everything"
run put http://192.0.2.9:1
run clear --yes
is "$out" "removed 1" "clear --yes"
run expire
is "$out" "expired 0" "expire"
run put --ttl 0 http://192.0.2.9:1
run get http://192.0.2.9:1
is "$code" 1 "a time to live of 0 is over at once"
run keygen
is "${#out}" 44 "keygen prints a key"
run keygen --out "$work/key"
is "$(stat -c %a "$work/key")" 600 "keygen --out makes a private file"
run keygen --out "$work/key"
is "$code" 73 "and overwrites none"
run plugin list
is "$(echo "$out" | grep -vcE '^(redis|postgresql) ')" 12 "twelve stock plugins, and redis and postgresql where they are built"
run plugin info l2_jsonl
like "$out" '^option=shards$' "a plugin's options"
run --version
like "$out" '^plugin ABI 1\.[0-9]*\(-rc\)*$' "versions"
for shell in bash zsh fish; do
    run completion $shell
    is "$code" 0 "completion for $shell"
done
"$PROXTIER" completion bash >"$work/c.bash" && bash -n "$work/c.bash"
ok $? "bash takes its completion"
grep -q '^    tier) words="$words --json forget" ;;$' "$work/c.bash"
ok $? "... which knows the words that a command takes"
for command in '' $("$PROXTIER" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    run $command --help
    is "$code/${out%% *}" "0/usage:" "help of ${command:-proxtier}"
done
run put 'http://a%40b:pw@192.0.2.9:1'
key=$out
run get --reveal "$key"
is "$out" 'http://a%40b:pw@192.0.2.9:1' "a user name with an @ is encoded"
run report "$out" ok
is "$code" 0 "and is found by the URL as it was printed"
done_testing
