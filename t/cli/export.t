#!/bin/sh
# An export restores every field, credentials too, and counts no access.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run put --source premium --ttl 3h 'http://us3r:p%40ss@192.0.2.1:8080'
key=$out
run put socks5://192.0.2.2:1080
run report "$key" fail --reason 'no route'
run get "$key"
before=$("$PROXTIER" show "$key")
run export "$work/out.jsonl"
is "$(wc -l <"$work/out.jsonl")" 2 "one object a line"
is "$(stat -c %a "$work/out.jsonl")" 600 "a private file"
is "$("$PROXTIER" show "$key")" "$before" "an export changes nothing"
! grep -q 'p@ss' "$work/out.jsonl"
ok $? "credentials stay sealed"
run clear --yes
run warm "$work/out.jsonl"
like "$out" "^loaded 2, updated 0, duplicate 0, refused 0" "it is read back"
is "$("$PROXTIER" show "$key")" "$before" "with every field as it was"
run get --reveal "$key"
is "$out" 'http://us3r:p%40ss@192.0.2.1:8080' "and its credentials"
"$PROXTIER" export --reveal >"$work/clear.jsonl"
grep -q '"password": "p@ss"' "$work/clear.jsonl"
ok $? "--reveal writes them in the clear"
fresh
run warm "$work/clear.jsonl"
run get --reveal "$key"
is "$out" 'http://us3r:p%40ss@192.0.2.1:8080' "which another place with another key reads"
"$PROXTIER" export >/dev/full 2>/dev/null
is $? 74 "a full disk is told"
if command -v python3 >/dev/null; then
    python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$work/out.jsonl"
    ok $? "Python reads it"
else
    skip "python3 is not installed"
fi
done_testing
