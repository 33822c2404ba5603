#!/bin/sh
# Each documented exit code is reached, each with one line that says what to do.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run
is "$code" 64 "no command"
run frobnicate
is "$code" 64 "an unknown command"
run wram x
like "$err" 'unknown command "wram"' "... is named"
run war x
like "$err" 'did you mean "warm"' "... with a hint"
run get --nonsense
is "$code" 64 "an unknown option"
run show a b
is "$code" 64 "an argument too many"
run put
is "$code" 64 "an argument too few"
run put nonsense
is "$code" 65 "a malformed URL"
is "$(echo "$err" | wc -l)" 1 "one line of message"
: >"$work/empty"
for extra in "--username x" "--password-file $work/empty"; do
    run put $extra http://u:hunter2@192.0.2.9:80
    is "$code" 64 "put ${extra%% *} of a URL that has credentials"
    like "$err" "credentials both in the URL and by ${extra%% *}" "... with the reason"
    ! echo "$err" | grep -q hunter2
    ok $? "... and without the password"
done
run list
is "$out" "" "... stores nothing"
run put --password-file "$work/empty" http://192.0.2.9:80
is "$code" 0 "an empty password file is none"
run delete "$out"
head -c 4096 /dev/zero | tr '\0' x >"$work/longest"
(cat "$work/longest" && printf '\r\nnot this line\n') >"$work/crlf"
(cat "$work/longest" && echo x) >"$work/too-long"
(cat "$work/longest" "$work/longest") >"$work/twice"
for file in longest crlf; do
    run put --password-file "$work/$file" http://192.0.2.9:80
    run get --reveal "$out"
    is "$out" "http://:$(cat "$work/longest")@192.0.2.9:80" "a password of 4096 bytes is stored whole: $file"
    run delete http://192.0.2.9:80
done
for file in too-long twice; do
    run put --password-file "$work/$file" http://192.0.2.9:80
    is "$code" 65 "a longer password is refused: $file"
    is "$err" "proxtier: $work/$file: the password in the first line has more than 4096 bytes" "... with file and limit"
done
run list
is "$out" "" "... and nothing is stored"
run put --ttl soon http://192.0.2.1:1
is "$code" 64 "a time that is none"
run report x maybe
is "$code" 64 "an outcome that is none"
run report 0000000000000000 ok
is "$code" 1 "a report on nobody"
"$PROXTIER" put http://192.0.2.1:1 >/dev/full 2>/dev/null
is $? 74 "a full standard output"
mkdir -p "$work/open" && chmod 777 "$work/open"
echo "tiers: [{plugin: l2_jsonl, dir: $work/open}]" >"$work/open.yaml"
run --config "$work/open.yaml" list
is "$code" 77 "a folder that others can write"
like "$err" "chmod go-w $work/open" "... with the remedy"
echo "tiers: [{plugin: l3_sqlite, path: $work/a-file/x.db}]" >"$work/file.yaml"
: >"$work/a-file"
run --config "$work/file.yaml" list
is "$code" 74 "a file in the place of a folder"
if command -v sqlite3 >/dev/null && command -v timeout >/dev/null; then
    echo "tiers: [{plugin: l3_sqlite, path: $work/locked.db, busy_timeout: 100ms}]" >"$work/locked.yaml"
    run --config "$work/locked.yaml" put http://192.0.2.1:1
    { echo 'BEGIN EXCLUSIVE;'; sleep 3; } | timeout 4 sqlite3 "$work/locked.db" &
    sleep 1
    run --config "$work/locked.yaml" put http://192.0.2.2:1
    is "$code" 75 "a database that another process has locked"
    run --config "$work/locked.yaml" get http://192.0.2.1:1
    is "$code" 0 "... can still be read"
    wait
else
    skip "sqlite3 is not installed"
    skip "sqlite3 is not installed"
fi
run put http://user:hunter2@192.0.2.3:1
key=$out
export PROXYWHIRL_CACHE_ENCRYPTION_KEY=cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=
run get --reveal "$key"
is "$code" 77 "another key opens no credential"
is "$out" "" "... and nothing is printed before it fails"
run list --reveal
! echo "$out" | grep -q -e @ -e '^$'
ok $? "... nor of that entry in a list"
run get "$key"
is "$code/$out" "0/http://192.0.2.3:1" "... but the entry is still there"
export PROXYWHIRL_CACHE_ENCRYPTION_KEY=short
run put http://user:hunter2@192.0.2.4:1
is "$code" 78 "a malformed key"
unset PROXYWHIRL_CACHE_ENCRYPTION_KEY
run get --reveal "$key"
is "$out" http://user:hunter2@192.0.2.3:1 "with the right key it opens"
done_testing
