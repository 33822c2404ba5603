#!/bin/sh
# What ProxyWhirl stored and exported is loaded, and its files are left as they are.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
fixtures=$abs_top_srcdir/t/proxywhirl/fixtures
umask 077
cp -R "$fixtures" "$work/pw"
chmod -R u+w "$work/pw"
sums() { (cd "$work/pw" && find . -type f -exec cksum {} + | sort); }
sums >"$work/before"
# Four of its 44 entries are none for proxtier: too long a key, another scheme, no port, another kind of name.
for place in jsonl sqlite jsonl/proxywhirl.db sqlite/proxywhirl.db; do
    fresh
    run warm "$work/pw/$place"
    stored=$(echo "$out" | sed 's/loaded \([0-9]*\), updated \([0-9]*\), .*/\1/')
    is "$(echo "$err" | grep -c '^[^ ]*:[0-9]*:[0-9]*: ')" 4 "$place: four entries are refused"
    case $place in jsonl) want=40 ;; *) want=39 ;; esac
    is "$stored" "$want" "$place: all others are loaded"
done
is "$(sums)" "$(cat "$work/before")" "the files of ProxyWhirl are as before, and none is beside them"
fresh
run warm "$work/pw/export.jsonl"
like "$out" '^loaded 4, ' "an export"
if command -v sqlite3 >/dev/null; then
    sqlite3 "$work/storage.db" "CREATE TABLE proxy_identities (url TEXT PRIMARY KEY, protocol TEXT, host TEXT, port INTEGER,
        username TEXT, password TEXT, country_code TEXT, isp_name TEXT, source TEXT, discovered_at TEXT, expires_at TEXT);
        CREATE TABLE proxy_statuses (proxy_url TEXT PRIMARY KEY, health_status TEXT, last_check_at TEXT,
        consecutive_failures INTEGER, total_checks INTEGER, total_successes INTEGER, avg_response_time_ms REAL);
        INSERT INTO proxy_identities VALUES('socks5://192.0.2.1:1080', 'socks5', '192.0.2.1', 1080, 'alice', 's3cret', 'SE',
        'Example', 'user', '2026-03-01 10:00:00.123456', NULL), ('http://192.0.2.2:80', 'http', '192.0.2.2', 80, NULL,
        'encrypted:Z0FBQUE=', NULL, NULL, 'fetched', NULL, NULL);
        INSERT INTO proxy_statuses VALUES('socks5://192.0.2.1:1080', 'healthy', '2026-03-01 11:00:00', 0, 10, 9, 250.5)"
    fresh
    run warm "$work/storage.db"
    like "$out" '^loaded 2, updated 0, duplicate 0, refused 0 ' "its storage in a database"
    run get --reveal socks5://alice@192.0.2.1:1080
    is "$out" socks5://alice:s3cret@192.0.2.1:1080 "... with credentials"
    run show socks5://alice@192.0.2.1:1080
    for pair in health_status:healthy total_health_checks:10 total_health_check_failures:1 country:SE source:user \
        last_health_check:2026-03-01T11:00:00.000000Z; do
        like "$out" "^${pair%%:*}  *${pair#*:}\$" "... ${pair%%:*}"
    done
    like "$out" '^metadata .*"latency_ms": 250.5' "... and what it measured"
    run export
    like "$out" '"password_encrypted": "6741414141"' "... and tokens as they are"
    sqlite3 "$work/other.db" 'CREATE TABLE t (x)'
    run warm "$work/other.db"
    is "$code" 65 "a database of something else is an error"
    like "$err" 'none of the tables cache_entries' "... that says what was looked for"
else
    skip "sqlite3 is not installed"
fi
mkdir "$work/empty" "$work/shards"
run warm "$work/empty"
is "$code" 66 "a folder without a cache"
: >"$work/shards/shard_00.jsonl"
run warm "$work/shards"
is "$code" 65 "an empty cache is an empty list"
run warm "$work/.cache/proxtier"
is "$code" 66 "a cache folder of proxtier's own"
like "$err" 'use .proxtier migrate. with its configuration' "... is for migrate"
done_testing
