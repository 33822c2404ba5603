#!/bin/sh
# check makes a request through each proxy, and records what came of it.
. "${abs_top_srcdir:-.}/t/check/check_kit.sh"
printf '%s\n' 'p@ss:w/d' >"$work/password"
printf '%s\n' wrong >"$work/wrong"
put() { # KEY URL [ARGUMENT...]
    key=$1 url=$2
    shift 2
    "$PROXTIER" put --key "$key" --source test "$@" "$url" >"$work/.put" || exit 1
}
login() { put "$@" --username bob --password-file "$work/password"; }
outcome() { # KEY: of the last check
    "$PROXTIER" history --json "$1" | head -n 1 | sed 's/.*"health": "\([a-z]*\)".*"reason": \("[^"]*"\|null\).*/\1 \2/'
}

run check --url "$page/"
is "$code" 1 "an empty pool: exit 1"
like "$err" 'no proxy matches' "with a message"

put http "http://127.0.0.1:$port_http"
login http_login "http://127.0.0.1:$port_http_login"
put socks5 "socks5://127.0.0.1:$port_socks5"
login socks5_login "socks5://127.0.0.1:$port_socks5_login"
put http_wrong "http://eve@127.0.0.1:$port_http_login" --password-file "$work/wrong"
put socks5_wrong "socks5://eve@127.0.0.1:$port_socks5_login" --password-file "$work/wrong"
put silent "http://127.0.0.1:$port_silent"
put nonsense "http://127.0.0.1:$port_nonsense"
put portal "http://127.0.0.1:$port_portal"
put dead "http://127.0.0.1:$port_dead"
put dead_socks "socks5h://127.0.0.1:$port_dead"
http_proxy=http://127.0.0.1:$port_dead no_proxy='*' "$PROXTIER" check --url "$page/" --timeout 2s >"$work/out" 2>"$work/err"
is $? 0 "check: exit 0 whatever the proxies answer, and whatever proxy the environment names"
is "$(cat "$work/err")" "" "nothing on standard error that is no terminal"
like "$(cat "$work/out")" '^good 4, failed 7 (evicted 0), not due 0, not checked 0 in [0-9.]* s$' "it counts what was good and what failed"
for key in http http_login socks5 socks5_login; do
    is "$(outcome $key)" 'healthy null' "$key is good"
done
is "$(outcome http_wrong)" 'degraded "status 407"' "a wrong password is a failure"
like "$(outcome socks5_wrong)" '^degraded "' "also of SOCKS"
is "$(outcome silent)" 'degraded "Timeout was reached"' "so is a proxy that is too slow"
like "$(outcome nonsense)" '^degraded "' "one that speaks no HTTP"
is "$(outcome portal)" 'degraded "status 302"' "one that answers with a page of its own"
like "$(outcome dead)" '^degraded ".*connect' "and one that is not there"
like "$(outcome dead_socks)" '^degraded ".*connect' "also of SOCKS"
run history --json http
like "$out" "\"latency_ms\": [0-9.]*, \"reason\": null, \"url\": \"$page/\"" "the history has the latency and the page"
run history --json dead
like "$out" '"latency_ms": null' "and no latency of a failure"
[ "$(field http latency_us)" -gt 0 ]
ok $? "the latency is averaged"

check
like "$out" '^good 0, failed 0 (evicted 0), not due 11, not checked 0' "proxies are checked when they are due"
check --all --healthy
like "$out" '^good 4, failed 0 (evicted 0), not due 0' "--all: also before; only those that are selected"
check --all --scheme socks5 --timeout 2s --json
is "$(echo "$out" | grep -c '^{"schema": 1, "key": "socks5\(_login\)\?", "ok": true, "latency_ms": [0-9.]*, "reason": null, "health": "healthy", "evicted": false}$')" 2 \
    "--json: a line for each proxy that is good"
is "$(echo "$out" | grep -c '^{"schema": 1, "key": "socks5_wrong", "ok": false, "latency_ms": null, "reason": "[^"]*", "health": "degraded", "evicted": false}$')" 1 \
    "and for each that failed"
like "$err" '^good 2, failed 1' "the counts go to standard error"
check --all --source nobody
is "$code" 1 "none is selected: exit 1"

# What is good.
only() { check --all --source test --healthy --scheme http "$@"; }
run check --all --healthy --scheme http --url "$page/missing" --expect 404
like "$out" '^good 2, failed 0' "--expect STATUS"
run check --all --healthy --scheme http --url "$page/empty"
like "$out" '^good 2, failed 0' "204 is good too"
only --expect 'w[a-o]rd that'
like "$out" '^good 2, failed 0' "--expect REGEX: the body"
run check --all --healthy --scheme http --url "$page/big" --expect 'found x+$'
like "$out" '^good 2, failed 0' "of which the beginning is read"
only --tunnel
like "$out" '^good 2, failed 0' "--tunnel: by CONNECT"
put no_connect "http://127.0.0.1:$port_http_no_connect"
check --json
like "$out" '"key": "no_connect", "ok": true' "a proxy without CONNECT is good for http"
check --json --all --tunnel --healthy --scheme http
like "$out" '"key": "no_connect", "ok": false, "latency_ms": null, "reason": "status 403 to CONNECT"' "and fails with --tunnel"
only --expect 500
like "$out" '^good 0, failed 2' "another status is a failure"
is "$(outcome http)" 'degraded "status 200"' "whose reason has it"

# Failures in a row.
check --all --scheme socks5h
check --all --scheme socks5h --json
like "$out" '"health": "unhealthy", "evicted": true}$' "a proxy that fails too often is evicted"
check --all --scheme socks5h
is "$code" 1 "and is not there any more"

# Wrong command lines.
for wrong in '--url ftp://127.0.0.1/' '--url http://bob:secret@127.0.0.1/' '--url http://' '--expect 099' '--expect (' \
    '--jobs 0' '--jobs 70000' '--jobs x' '--timeout 0' '--timeout soon' key; do
    # Words, to be split.
    # shellcheck disable=SC2086
    check $wrong
    is "$code" 64 "$wrong: exit 64"
    is "$(echo "$err" | grep -c secret)" 0 "... and no credentials in the message"
done
PROXTIER_LIBEXEC_DIR=$work/nowhere "$PROXTIER" check --url "$page/" 2>"$work/err"
is $? 69 "without proxtier-check: exit 69"
like "$(cat "$work/err")" 'install the package proxtier-check' "and a message that says what to install"
mkdir "$work/broken"
printf '#!/bin/sh\nexit 3\n' >"$work/broken/proxtier-check"
chmod +x "$work/broken/proxtier-check"
PROXTIER_LIBEXEC_DIR=$work/broken "$PROXTIER" check --all --url "$page/" >"$work/out" 2>"$work/err"
is $? 69 "if proxtier-check ends early: exit 69"
like "$(cat "$work/err")" 'ended before' "and a message"

# --watch
fresh
put http "http://127.0.0.1:$port_http"
"$PROXTIER" check --watch --url "$page/" >"$work/out" &
process=$!
for _ in $(seq 300); do
    [ -s "$work/out" ] && break
    sleep 0.1
done
like "$(cat "$work/out")" '^good 1, failed 0' "--watch checks what is due"
kill -0 $process
ok $? "and goes on"
kill -TERM $process
wait $process
is $? 143 "until a signal"
done_testing
