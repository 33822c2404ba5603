#!/bin/sh
# A backup restores everything, credentials still sealed; what is torn, changed, foreign or sealed with another key is refused
# before anything is stored.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
printf '%s\n' 'http://alice:s%40cret@192.0.2.1:8080' 'socks5://[2001:db8::1]:1080' 'http://%C3%A9%FF:%2A%2A@192.0.2.3:80' >"$work/list"
run warm --source vendor "$work/list"
for i in 1 2 3; do "$PROXTIER" report http://alice@192.0.2.1:8080 ok --latency "$i.125" --url "http://check.example/\"$i" >/dev/null; done
run report 'socks5://[2001:db8::1]:1080' fail --reason 'no route'
state() { # what a pool says of itself, but for the order
    "$PROXTIER" export | sort
    "$PROXTIER" history http://alice@192.0.2.1:8080
    "$PROXTIER" history 'socks5://[2001:db8::1]:1080'
}
state >"$work/before"
is "$(grep -c . "$work/before")" 7 "three entries, four checks"
run backup "$work/pool.backup"
is "$code $err" "0 backed up 3, with 4 checks" "they are backed up"
is "$(stat -c %a "$work/pool.backup")" 600 "... into a file for its owner"
! grep -q -a -e 's@cret' -e 's%40cret' "$work/pool.backup"
ok $? "... with credentials sealed"
state | cmp -s - "$work/before"
ok $? "... and the pool is as it was"

# elsewhere: a home with the same key and an empty pool
key=$work/.local/state/proxtier/fernet.key
elsewhere() {
    HOME=$work/elsewhere
    rm -rf "$HOME"
    mkdir -p "$HOME/.local/state/proxtier"
    cp "$key" "$HOME/.local/state/proxtier/"
}
empty() { [ -z "$("$PROXTIER" list)" ]; }
elsewhere
run restore "$work/pool.backup"
is "$code $out" "0 restored 3, expired 0, kept newer 0, checks 4" "an empty pool takes it"
state | cmp -s - "$work/before"
ok $? "... with every field, credential and check"
run get --reveal http://alice@192.0.2.1:8080
is "$out" 'http://alice:s%40cret@192.0.2.1:8080' "... which can be opened"
run restore "$work/pool.backup"
is "$code" 65 "a pool that has entries is refused"
like "$err" 'the pool has entries: .*--merge.*--replace.*; nothing was stored' "... and what to do is said"
run put http://192.0.2.9:9
run report http://alice@192.0.2.1:8080 fail
run restore --merge "$work/pool.backup"
is "$code $out" "0 restored 0, expired 0, kept newer 3, checks 0" "--merge keeps what is newer"
is "$("$PROXTIER" list | grep -c .)" 4 "... and what is not in the backup"
like "$("$PROXTIER" show http://alice@192.0.2.1:8080)" 'health_status *degraded' "... as a report after it"
run delete http://alice@192.0.2.1:8080
run restore --merge "$work/pool.backup"
is "$out" "restored 0, expired 0, kept newer 3, checks 0" "... also that an entry was deleted after it"
is "$("$PROXTIER" list | grep -c .)" 3 "... which stays away"
run restore --replace "$work/pool.backup"
is "$code $out" "0 restored 3, expired 0, kept newer 0, checks 4" "--replace"
state | cmp -s - "$work/before"
ok $? "... makes the pool what it was"
run restore --merge --replace "$work/pool.backup"
is "$code" 64 "--merge and --replace exclude each other"

elsewhere
run restore --dry-run "$work/pool.backup"
is "$code $out" "0 good: has 3, expired 0, kept newer 0, checks 4" "--dry-run says what it has"
empty
ok $? "... and stores nothing"
"$PROXTIER" restore - <"$work/pool.backup" >"$work/said"
is "$(cat "$work/said")" "restored 3, expired 0, kept newer 0, checks 4" "a file on standard input"
elsewhere
# shellcheck disable=SC2002
cat "$work/pool.backup" | "$PROXTIER" restore - >"$work/said"
is "$(cat "$work/said")" "restored 3, expired 0, kept newer 0, checks 4" "a pipe, which can be read once only"

# ---- what is refused --------------------------------------------------------------------------------------------------
elsewhere
refused() { # FILE LINE MESSAGE NAME
    run restore --replace "$1"
    is "$code" 65 "$4 is refused"
    like "$err" "^proxtier: $1:$2: $3" "... with its place"
    empty
    ok $? "... and nothing is stored"
}
size=$(wc -c <"$work/pool.backup")
for cut in 1 100 1000 $((size - 1)); do
    head -c "$cut" "$work/pool.backup" >"$work/cut"
    refused "$work/cut" '[0-9]*' '.*\(torn\|no backup\)' "a backup of $cut bytes"
done
for lines in 1 4; do
    head -n "$lines" "$work/pool.backup" >"$work/cut"
    refused "$work/cut" "$lines" 'the backup is torn: it ends behind this line' "a backup of $lines lines"
done
sed 's/vendor/VENDOR/' "$work/pool.backup" >"$work/changed"
refused "$work/changed" 9 'the backup was changed or is damaged' "a changed backup"
sed 2d "$work/pool.backup" >"$work/changed"
refused "$work/changed" 8 'the backup was changed or is damaged' "a backup without a line"
sed 's/"key": /"key" /' "$work/pool.backup" >"$work/changed"
refused "$work/changed" 2 '.' "a line that is no JSON"
(cat "$work/pool.backup" && echo '{}') >"$work/changed"
refused "$work/changed" 10 'there is something behind the end' "a backup with something behind it"
sed '1s/"version": 1/"version": 2/' "$work/pool.backup" >"$work/changed"
refused "$work/changed" 1 'the backup is of version 2, .* use a newer one' "a backup of a later version"
grep '^{"key"' "$work/before" >"$work/export.jsonl"
for foreign in export.jsonl list; do
    refused "$work/$foreign" 1 'this is no backup of proxtier' "another file ($foreign)"
done
: >"$work/nothing"
refused "$work/nothing" 0 'the file is empty' "an empty file"
head -c 300000 /dev/zero >"$work/zeros"
refused "$work/zeros" 1 'this is no backup of proxtier' "zeros"
run restore "$work/not-there"
is "$code" 66 "a file that is not there"

HOME=$work/another-key
mkdir -p "$HOME"
run restore "$work/pool.backup"
is "$code" 77 "a pool with another key refuses the credentials"
like "$err" "$work/pool.backup:[2-8]: credentials are sealed with another key, .* nothing was stored" "... and says which keys"
empty
ok $? "... before anything is stored"
printf 'encryptor: {plugin: plain}\n' >"$work/plain.yaml"
run --config "$work/plain.yaml" restore "$work/pool.backup"
is "$code" 77 "so does one with another encryptor"
like "$err" 'sealed by the encryptor "fernet", and this pool has "plain"' "... with its name"

# ---- a chain whose tiers keep no history --------------------------------------------------------------------------------
HOME=$work/no-history
mkdir -p "$HOME/.local/state/proxtier"
cp "$key" "$HOME/.local/state/proxtier/"
printf 'tiers:\n  - {plugin: l2_jsonl}\n' >"$work/jsonl.yaml"
run --config "$work/jsonl.yaml" restore "$work/pool.backup"
is "$code $out" "0 restored 3, expired 0, kept newer 0, checks 0" "a chain without a history takes the entries"
run --config "$work/jsonl.yaml" backup "$work/jsonl.backup"
is "$code $err" "0 backed up 3, with 0 checks" "... and is backed up"
is "$("$PROXTIER" --config "$work/jsonl.yaml" export | sort)" "$(grep '^{' "$work/before")" "... with all fields"

# ---- a backup is whole or not there ---------------------------------------------------------------------------------------
HOME=$work
printf 'PRECIOUS\n' >"$work/kept"
run --config "$work/off.yaml" backup "$work/kept"
is "$(cat "$work/kept")" PRECIOUS "a configuration that is not there leaves the old backup"
cat >"$work/off.yaml" <<END
tiers:
  - {plugin: l2_jsonl}
  - {plugin: l9_nowhere, required: false}
END
run --config "$work/off.yaml" backup "$work/kept"
is "$code $(cat "$work/kept")" "69 PRECIOUS" "so does a tier that may have more entries"
run backup /dev/full
is "$code" 74 "a full disk is told"
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "10.1.%d.%d:8080\n", i / 256, i % 256 }' >"$work/long"
run warm "$work/long"
killed=0
while [ $killed -lt 5 ]; do
    "$PROXTIER" backup "$work/kept" 2>/dev/null &
    pid=$!
    tries=0
    until find "$work" -name 'kept.new-*' -size +0 | grep -q . || [ $tries -gt 1000 ]; do tries=$((tries + 1)); done
    kill -9 $pid
    wait $pid 2>/dev/null
    [ "$(cat "$work/kept")" = PRECIOUS ] || break
    killed=$((killed + 1))
    rm -f "$work"/kept.new-*
done
is "$killed" 5 "a backup that is killed leaves the old one"
done_testing
