#!/bin/sh
# One message names file, line, column and member; a credential is in none.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/a.json" <<'LIST'
[{"ip": "192.0.2.1", "port": 8080, "ttl_seconds": -1, "password": "hunter2"},
 {"ip": "192.0.2.2", "port": 8080, "type": "hunter2"},
 {"ip": 7, "port": 8080},
 {"ip": "192.0.2.3", "port": 8080, "key": "a\u0007b"},
 {"ip": "192.0.2.4", "port": 8080, "password_encrypted": "hunter2"},
 {"ip": "192.0.2.5", "port": 99999, "password": "hunter2"}]
LIST
run warm "$work/a.json"
is "$code" 65 "a list of which nothing is right"
like "$err" 'a.json:2:2: the value of "type" must be http, https, ' "a scheme that is none"
like "$err" 'a.json:3:2: the value of "ip" must be a text' "a host that is no text"
like "$err" 'a.json:4:1: key' "a value that is out of bounds names its field"
like "$err" 'a.json:5:2: the value of "password_encrypted"' "a token that is none"
like "$err" 'a.json:6:2: the port must be a number between 1 and 65535' "a port that is none"
like "$err" 'a.json:1:1: ttl_seconds' "a number that is out of bounds too"
is "$(echo "$err" | grep -c hunter2)" 0 "no credential in any message"
printf 'ip,port,access_count\n192.0.2.1,80,many\n' >"$work/b.csv"
run warm "$work/b.csv"
like "$err" 'b.csv:2:1: the value of "access_count" is not what is expected there' "a column is named"
printf 'proxies:\n  - {type: http, server: 192.0.2.1}\n  - {type: http, server: 192.0.2.2, port: 80, last_accessed: never}\n' >"$work/c.yaml"
run warm "$work/c.yaml"
like "$err" 'c.yaml:2:5: the port is missing' "YAML: a place"
like "$err" 'c.yaml:3:5: the value of "last_accessed"' "YAML: a member"
printf 'proxies:\n  - {type: http\n' >"$work/d.yaml"
run warm "$work/d.yaml"
like "$err" 'd.yaml:[0-9]*:[0-9]*: malformed YAML: ' "malformed YAML has a place"
is "$code" 65 "... and is an error"
printf 'a: &x [*x]\nproxies: [*x, [[[]]], {type: http, server: 192.0.2.1, port: 80}]\n' >"$work/e.yaml"
run warm "$work/e.yaml"
like "$out" '^loaded 1, updated 0, duplicate 0, refused 2 ' "aliases and nested sequences are no nodes"
# International names have an ASCII form; proxtier does not make it.
printf 'http://m\303\274nchen.example:8080\nhttp://xn--mnchen-3ya.example:8080\n' >"$work/idn.txt"
run warm "$work/idn.txt"
like "$out" '^loaded 1, updated 0, duplicate 0, refused 1 ' "an international name in its ASCII form is taken"
like "$err" 'idn.txt:1:8: the host name is an international one: give its ASCII form (xn--...)' "... in no other, with the remedy"
printf '[{"host": "m\\u00fcnchen.example", "port": 80}]' >"$work/idn.json"
run warm "$work/idn.json"
like "$err" 'idn.json:1:2: the host name is an international one' "... in JSON, too"
{ printf 'x: ' && head -c 100000 /dev/zero | tr '\0' '['; } >"$work/deep.yaml"
run warm --format yaml "$work/deep.yaml"
is "$code" 65 "deep nesting is an error"
done_testing
