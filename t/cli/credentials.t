#!/bin/sh
# Credentials that would end a line of a request are refused, with field and place, from every source; an empty one
# means absent.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"

printf 'tiers:\n  - {name: l1, plugin: l1_memory}\n' >"$work/proxtier.yaml"
warm() {
    "$PROXTIER" --config "$work/proxtier.yaml" warm "$1" 2>&1
}
printf '[{"proxy_url": "http://192.0.2.1:80", "username": "u", "password": "a\\r\\nX-Evil: 1"}]\n' >"$work/crlf.json"
printf '[{"proxy_url": "http://192.0.2.1:80", "username": "u\\u0000v", "password": "p"}]\n' >"$work/nul.json"
printf 'proxy_url,username,password\nhttp://192.0.2.1:80,u,"a\nb"\n' >"$work/break.csv"
out=$(warm "$work/crlf.json")
like "$out" 'crlf\.json:1.*password has a control character at byte 2' "CR and LF in JSON"
out=$(warm "$work/nul.json")
like "$out" 'nul\.json:1.*username has a control character at byte 2' "NUL in JSON"
out=$(warm "$work/break.csv")
like "$out" 'break\.csv:[23].*password has a control character at byte 2' "a line break in CSV"
printf '[{"proxy_url": "http://bob@192.0.2.1:80", "username": ""}]\n' >"$work/empty.json"
printf '[{"proxy_url": "http://bob@192.0.2.1:80"}]\n' >"$work/absent.json"
key() {
    XDG_CACHE_HOME=$work/$2 XDG_STATE_HOME=$work/$2 "$PROXTIER" warm "$work/$1.json" >/dev/null 2>&1
    XDG_CACHE_HOME=$work/$2 XDG_STATE_HOME=$work/$2 "$PROXTIER" export --format jsonl 2>&1 | sed 's/.*"key": "\([^"]*\)".*/\1/'
}
is "$(key empty a)" "$(key absent b)" "an empty user name beside a URL that has one: the key of the URL's"
done_testing
