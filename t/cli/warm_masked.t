#!/bin/sh
# A list whose credentials are masked with asterisks takes no credential away, and stores no asterisks.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
echo hunter2 >"$work/password"
run put --key k1 --username alice --password-file "$work/password" http://192.0.2.1:80
run put --username bob --password-file "$work/password" http://192.0.2.2:80
bob=$out
cat >"$work/masked.jsonl" <<'LIST'
{"key": "k1", "proxy_url": "http://192.0.2.1:80", "username": "**********", "password": "**********"}
{"proxy_url": "http://192.0.2.2:80", "username": "bob", "password": "*"}
{"key": "k3", "proxy_url": "http://***:***@192.0.2.3:80"}
{"key": "k4", "proxy_url": "http://192.0.2.4:80", "username": "carol", "password": "s3cret"}
{"key": "k4", "proxy_url": "http://192.0.2.4:80", "username": "*****", "password": "*****"}
{"key": "k5", "proxy_url": "http://192.0.2.5:80", "username": "*dave*", "password": "**x"}
LIST
run warm "$work/masked.jsonl"
like "$out" '^loaded 3, updated 2, duplicate 1, refused 0' "every record is stored"
like "$err" '^proxtier: warning: 4 records have masked credentials (only \*)' "masked credentials are counted and told"
run get --reveal k1
is "$out" http://alice:hunter2@192.0.2.1:80 "the stored credentials stay"
run get --reveal "$bob"
is "$out" http://bob:hunter2@192.0.2.2:80 "... one of them too"
run get --reveal k3
is "$out" http://192.0.2.3:80 "without stored ones there are none"
run get --reveal k4
is "$out" http://carol:s3cret@192.0.2.4:80 "those of an earlier record of the list stay"
run get --reveal k5
is "$out" 'http://%2Adave%2A:%2A%2Ax@192.0.2.5:80' "an asterisk in a credential is one"
printf 'http://***@192.0.2.6:80\n' >"$work/masked.txt"
run -q warm --dry-run "$work/masked.txt"
is "$out" "$(echo "$out" | grep '^loaded 1, updated 0, duplicate 0, refused 0')" "a masked user name in a text"
run warm "$work/masked.txt"
like "$err" '1 record has masked credentials' "one record"
run get http://192.0.2.6:80
is "$out" http://192.0.2.6:80 "... is no part of the key"
done_testing
