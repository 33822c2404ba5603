#!/bin/sh
# SPDX-License-Identifier: MIT
# ProxyWhirl writes, proxtier reads and writes, ProxyWhirl reads and writes again, proxtier reads again.
# $PROXYWHIRL_PYTHON is a python with proxywhirl, else python3.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
. "$abs_top_srcdir/t/proxywhirl/chain.sh"
: "${PROXYWHIRL_PYTHON:=python3}"
if ! version=$("$PROXYWHIRL_PYTHON" "$here/reads_back.py" --version 2>/dev/null); then
    echo "1..0 # SKIP proxywhirl is not installed"
    exit 0
fi
echo "# ProxyWhirl $version"
proxywhirl_reads() { "$PROXYWHIRL_PYTHON" "$here/reads_back.py" "$1" >"$2"; }
# proxywhirl_writes FOLDER LINE...: $out has a line for each
proxywhirl_writes() {
    where=$1
    shift
    out=$(printf '%s\n' "$@" | "$PROXYWHIRL_PYTHON" "$here/write_again.py" "$where")
}

proxtier_reads() {
    at export --reveal
    printf '%s\n' "$out" >"$work/export"
    agrees "$1: proxtier reads every field that ProxyWhirl wrote" read "$live/$1.json" "$work/export" ordinary
    agrees "$1: ... values over a limit clipped, blanked or clamped" read "$live/$1.json" "$work/export" over
    proxywhirl_reads "$folder" "$work/after"
    agrees "$1: ... and ProxyWhirl then reads what it read before" same "$work/before" "$work/after"
}

proxtier_writes() {
    echo 'n3w: p@ss é' >"$work/password"
    at put --source fresh --ttl 2h --username mallory --password-file "$work/password" http://new.test:8080
    new=$out
    is "$out" "$(key_of http://new.test:8080)" "$1: put makes the key that ProxyWhirl makes"
    at report "$reported" ok --latency 12
    at report "$failed" fail --reason 'no route'
    at delete "$deleted"
    at list
    proxywhirl_reads "$folder" "$work/after"
    agrees "$1: ProxyWhirl reads all other entries as before" same "$work/before" "$work/after" "$reported" "$failed" \
        "$deleted"
    for tier in l2 l3; do
        got=
        for name in proxy_url username password source ttl_seconds health_status; do
            got="$got $(fields field "$work/after" $tier "$new" $name)"
        done
        is "$got" " http://new.test:8080 mallory n3w: p@ss é fresh 7200 unknown" "$1: ... in $tier what proxtier put"
        is "$(fields field "$work/after" $tier "$deleted" key)" None "$1: ... in $tier not what proxtier deleted"
        is "$(fields field "$work/after" $tier "$reported" health_status)" healthy "$1: ... in $tier the report"
        is "$(fields field "$work/after" $tier "$reported" username)" us3r "$1: ... in $tier its credentials"
    done
    got=
    for name in total_health_checks total_health_check_failures; do
        got="$got $(fields field "$work/after" l3 "$reported" $name) $(fields field "$work/after" l3 "$failed" $name)"
    done
    is "$got" " 12 10 4 1" "$1: ... in l3 the counters, which go on from ProxyWhirl's"
}

proxywhirl_writes_again() {
    proxywhirl_writes "$folder" \
        '["put", {"proxy_url": "http://again.test:8080", "username": "olivia", "password": "p w"}]' \
        "[\"update\", \"$reported\", {\"source\": \"changed\", \"failure_count\": 1, \"total_health_checks\": 20}]" \
        "[\"update\", \"$new\", {\"password\": \"theirs\"}]" \
        "[\"fail\", \"$plain\"]" \
        "[\"delete\", \"$failed\"]" \
        "[\"put\", {\"proxy_url\": \"http://dead.test:8080\", \"source\": \"revived\"}]"
    is "$(echo $out)" "true true true null true true" "$1: ProxyWhirl puts, updates and deletes after proxtier"
    at get --reveal http://olivia@again.test:8080
    is "$out" http://olivia:p%20w@again.test:8080 "$1: proxtier then has what ProxyWhirl put"
    at show --json "$reported"
    like "$out" '"source": "changed".*"total_health_checks": 20' "$1: ... what it updated"
    at get --reveal "$new"
    is "$out" http://mallory:theirs@new.test:8080 "$1: ... what it updated of an entry that proxtier put"
    at show --json "$plain"
    like "$out" '"health_status": "unhealthy", "failure_count": 1' "$1: ... what it invalidated"
    at get "$failed"
    is $code 1 "$1: ... not what it deleted"
    at show --json "$deleted"
    like "$out" '"source": "revived"' "$1: ... what it put again after proxtier deleted it"
}

both_warm_one_list() {
    cat >"$work/list.jsonl" <<'JSON'
{"proxy_url": "http://both.test:8080", "username": "peggy", "password": "one", "source": "list"}
{"proxy_url": "http://both.test:8081", "source": "list"}
JSON
    sed 's/both/first/' "$work/list.jsonl" >"$work/first.jsonl"
    proxywhirl_writes "$folder" "[\"warm\", \"$work/list.jsonl\"]"
    at warm "$work/list.jsonl"
    like "$out" '^loaded 0, updated 2,' "$1: a list that ProxyWhirl warmed, then proxtier, is stored once"
    at warm "$work/first.jsonl"
    fields raw "$folder" >"$work/before_warm"
    proxywhirl_writes "$folder" "[\"warm\", \"$work/first.jsonl\"]"
    fields raw "$folder" >"$work/after_warm"
    for tier in l2 l3; do
        is "$(fields keys "$work/after_warm" $tier | grep -v -x -F "$(fields keys "$work/before_warm" $tier)")" "" \
            "$1: a list that proxtier warmed, then ProxyWhirl, is once in $tier"
    done
}

proxywhirl_reads_a_folder_of_proxtier() {
    mkdir "$work/made"
    chain "$1" "$work/made"
    at warm "$abs_top_srcdir/examples/proxies.txt"
    at warm "$work/list.jsonl"
    at report http://both.test:8081 fail --reason 'Zeitüberschreitung'
    proxywhirl_reads "$work/made" "$work/theirs"
    at export --reveal
    printf '%s\n' "$out" >"$work/export"
    agrees "$1: ProxyWhirl reads every field of a folder that proxtier made" read "$work/theirs" "$work/export" ordinary
    is "$(fields keys "$work/theirs" l3 | grep -c .)" "$(grep -c . "$work/export")" "$1: ... and every entry"
    rm -rf "$work/made"
}

live=$work/live
if ! "$PROXYWHIRL_PYTHON" "$here/make_fixtures.py" "$live" >"$work/.out" 2>&1; then
    ok 1 "ProxyWhirl makes its folders"
    sed 's/^/# /' "$work/.out"
fi
reported=$(key_of http://every-field.test:8080)
failed=$(key_of http://healthy.test:8080)
deleted=$(key_of http://dead.test:8080)
plain=$(key_of http://plain.test:8080)
for backend in jsonl sqlite; do
    folder=$live/$backend
    chain "$backend" "$folder"
    proxywhirl_reads "$folder" "$work/before"
    proxtier_reads $backend
    proxtier_writes $backend
    proxywhirl_writes_again $backend
    both_warm_one_list $backend
    proxywhirl_reads_a_folder_of_proxtier $backend
done
done_testing
