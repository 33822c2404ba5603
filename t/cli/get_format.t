#!/bin/sh
# get prints proxies in the formats of export.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
printf 'http://bob:p%%40ss@192.0.2.1:8080\n' >"$work/list"
run warm "$work/list"
key=$("$PROXTIER" list --keys)
url='http://bob:p%40ss@192.0.2.1:8080'

run get --format url
is "$code $out" "0 http://192.0.2.1:8080" "url"
like "$err" "without credentials.*--reveal" "and it is said that credentials are left out"
run -q get --format url
is "$err" "" "-q does not say it"
run get --format url --reveal
is "$out/$err" "$url/" "with --reveal they are there"
run get --format hostport
is "$out" 192.0.2.1:8080 "host:port"
run get --format env --reveal
is "$(echo "$out" | grep -c "^http_proxy='\{0,1\}$url'\{0,1\}$")" 1 "lines of the environment"
is "$(eval "$out"; echo "$https_proxy")" "$url" "... that a shell reads"
run get --format curl --reveal
like "$out" '^proxy = "http://bob:p%40ss@192.0.2.1:8080"$' "a configuration for curl"
run get --template '{scheme} {host} {password|shell}' --reveal
is "$out" "http 192.0.2.1 'p@ss'" "a template"
run get --format hostport "$key"
is "$out" 192.0.2.1:8080 "by key"
run get --format json --reveal
like "$out" '^\[' "json: an array with one beginning"
is "$(echo "$out" | tail -n 1)" "]" "... and one end"
# The same table as of export.
for format in $("$PROXTIER" export --help | sed -n 's/^  *\([a-z0-9-]*\)  *[^ ].*/\1/p'); do
    "$PROXTIER" -q export --format "$format" --reveal >"$work/exported" 2>/dev/null || continue
    "$PROXTIER" -q get --format "$format" --reveal >"$work/got" 2>/dev/null
    [ "$(sed 's/"last_accessed.*//; s/,[0-9]*,[^,]*$//' "$work/exported" | head -n 1)" = "$(sed 's/"last_accessed.*//; s/,[0-9]*,[^,]*$//' "$work/got" | head -n 1)" ]
    ok $? "$format is as export writes it"
done
printf 'http://192.0.2.2:1\nhttp://192.0.2.3:1\n' >"$work/list"
run warm "$work/list"
run -q get -n 3 --format hostport
is "$(echo "$out" | sort | tr '\n' ' ')" "192.0.2.1:8080 192.0.2.2:1 192.0.2.3:1 " "several"
run get --format haproxy --reveal "$key"
is "$code" 65 "what the format cannot carry is exit 65"
like "$err" "$key is not printed: " "... with the key and the reason"
run get --format urll
is "$code" 64 "an unknown format"
like "$err" 'did you mean "url"' "... is told which one was meant"
for other in --json --tier '--show key'; do
    run get --format url $other
    is "$code" 64 "${other} says nothing beside a format"
done
run get --format url --template '{host}'
is "$code" 64 "nor does a template"
run get --format url nosuchkey
is "$code $out" "1 " "a key that is not stored"
done_testing
