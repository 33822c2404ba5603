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
run delete "$key"
run put --source list 'http://us3r:p%40ss@192.0.2.1:8080'
run warm "$work/out.jsonl"
like "$out" "updated 2" "over a proxy that was put anew and not used yet"
is "$("$PROXTIER" show "$key")" "$before" "every field is restored too"
"$PROXTIER" export --reveal >"$work/clear.jsonl"
grep -q '"password": "p@ss"' "$work/clear.jsonl"
ok $? "--reveal writes them in the clear"
fresh
run warm "$work/clear.jsonl"
run get --reveal "$key"
is "$out" 'http://us3r:p%40ss@192.0.2.1:8080' "which another place with another key reads"
fresh
run put 'http://us%FFr:p%E9ss@192.0.2.3:8080'
key=$out
run put 'http://%ED%A0%80:%C3%A9%F0%9F%98%80@192.0.2.4:8080'
key2=$out
"$PROXTIER" export --reveal >"$work/bytes.jsonl"
grep -q '"username_base64": "dXP/cg==", "password_base64": "cOlzcw=="' "$work/bytes.jsonl"
ok $? "--reveal writes credentials that are not UTF-8 as base64"
fresh
run warm "$work/bytes.jsonl"
like "$out" "^loaded 2, updated 0, duplicate 0, refused 0" "... and warm takes them"
run get --reveal "$key"
is "$out" 'http://us%FFr:p%E9ss@192.0.2.3:8080' "... byte for byte"
run get --reveal "$key2"
is "$out" 'http://%ED%A0%80:%C3%A9%F0%9F%98%80@192.0.2.4:8080' "... where one of two is"
printf 'url,user,password_base64\nh:1,u,cOlzcw==\nh:2,u,c\nh:3,u,cA=\nh:4,u,c@==\n' >"$work/bytes.csv"
run warm "$work/bytes.csv"
like "$out" "^loaded 1, updated 0, duplicate 0, refused 3" "a table may have base64 too; malformed base64 is refused"
run get --reveal http://u@h:1
is "$out" 'http://u:p%E9ss@h:1' "... its credential"
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
