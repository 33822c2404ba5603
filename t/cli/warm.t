#!/bin/sh
# Lists in all formats, whole and broken.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
counts() { echo "$out" | sed 's/ in [0-9.]* s$//'; }
list=$abs_top_srcdir/examples/proxies.txt
run warm "$list"
is "$(counts)" "loaded 400, updated 0, duplicate 0, refused 0" "the list that the repository carries"
run warm "$list"
is "$(counts)" "loaded 0, updated 400, duplicate 0, refused 0" "a second time all are updated"
is "$("$PROXTIER" list | grep -c '^socks5:')" 25 "section comments give the scheme"
fresh
cat >"$work/mixed.txt" <<'LIST'
# comment

192.0.2.1:80
not a proxy
http://user:hunter2@192.0.2.2:8080
192.0.2.1:80
192.0.2.3:99999
192.0.2.4:8080:user:hunter2
LIST
run warm "$work/mixed.txt"
is "$(counts)" "loaded 3, updated 0, duplicate 1, refused 2" "a list with broken lines"
like "$err" "mixed.txt:4:1: " "each broken line is told with its place"
like "$err" "mixed.txt:7:1: the port must be a number between 1 and 65535" "... and reason"
is "$code" 0 "what was good is loaded"
run warm --strict "$work/mixed.txt"
is "$code" 65 "--strict makes it an error"
run warm --reject "$work/rejected" "$work/mixed.txt"
is "$(wc -l <"$work/rejected")" 2 "--reject writes them to a file"
! grep -rqa hunter2 "$work/.cache" "$work/.local" "$work/rejected" && ! grep -q hunter2 "$work/.err"
ok $? "no credential in any file or message"
fresh
run warm --dry-run "$work/mixed.txt"
is "$("$PROXTIER" list | wc -l)" 0 "--dry-run stores nothing"
cat >"$work/a.json" <<'LIST'
[{"proxy_url": "http://192.0.2.1:80", "username": "u", "password": "hunter2"},
 {"ip": "192.0.2.2", "port": 8080, "protocol": "socks5"}, {"host": "192.0.2.3", "port": "3128", "types": ["HTTP"]},
 "192.0.2.4:1", {"port": 80}, 7]
LIST
run warm "$work/a.json"
is "$(counts)" "loaded 4, updated 0, duplicate 0, refused 2" "JSON: an array of objects"
printf '{"metadata": {}, "proxies": {"http": ["192.0.2.5:1"], "socks4": ["192.0.2.5:2"]}}' >"$work/b.json"
run warm "$work/b.json"
is "$(counts)" "loaded 2, updated 0, duplicate 0, refused 0" "JSON: by scheme"
printf '{"proxy_url": "http://192.0.2.6:1", "source": "mine"}\nbroken\n{"url": "192.0.2.6:2"}\n' >"$work/c.jsonl"
run warm "$work/c.jsonl"
is "$(counts)" "loaded 2, updated 0, duplicate 0, refused 1" "JSONL"
like "$err" "c.jsonl:2:" "its broken line"
printf '\357\273\277proxy_url,username,password,source\r\nhttp://192.0.2.7:1,,,x\r\n"http://192.0.2.7:2",u,"hun""ter2",y\r\n,,,\r\n' >"$work/d.csv"
run warm "$work/d.csv"
is "$(counts)" "loaded 2, updated 0, duplicate 0, refused 1" "CSV with BOM, CRLF and quotes"
printf 'ip\tport\n192.0.2.8\t1080\n' >"$work/e.tsv"
run warm --default-scheme socks5 "$work/e.tsv"
is "$(counts)" "loaded 1, updated 0, duplicate 0, refused 0" "tabs"
"$PROXTIER" list | grep -q '^socks5://192.0.2.8:1080$'
ok $? "--default-scheme"
printf '192.0.2.9:1\n' | "$PROXTIER" warm --source pipe --ttl 5m - >/dev/null
ok $? "standard input"
is "$("$PROXTIER" list --source pipe)" http://192.0.2.9:1 "--source"
run show http://192.0.2.9:1
like "$out" '^ttl_seconds  *300$' "--ttl"
printf '[{"proxy_url": "http://192.0.2.1:80"},\n {"proxy_url": }]' >"$work/f.json"
run warm "$work/f.json"
is "$code" 65 "malformed JSON"
like "$err" "f.json:2:" "... with its place"
printf 'a,b\n1,2\n' >"$work/g.csv"
run warm "$work/g.csv"
is "$code" 65 "a table without a proxy"
run warm "$work/nothing"
is "$code" 66 "a list that is not there"
run warm "$work"
is "$code" 66 "a folder"
: >"$work/empty.txt"
run warm "$work/empty.txt"
is "$code" 65 "an empty list is an error"
like "$err" 'empty.txt is empty: --allow-empty' "... that names the remedy"
run warm --allow-empty "$work/empty.txt"
is "$code" 0 "... unless that is allowed"
shared=${PROXTIER_SHARED:-$abs_top_srcdir/../shared}/data
for pair in proxywhirl-all.txt:6754 proxywhirl-proxies.json:6754 proxywhirl-proxies-rich.json:6699; do
    if [ -e "$shared/${pair%:*}" ]; then
        fresh
        run warm "$shared/${pair%:*}"
        is "$(counts)" "loaded ${pair#*:}, updated 0, duplicate 0, refused 0" "${pair%:*}"
    else
        skip "the shared lists are not here"
    fi
done
fresh
printf '\357\273\277\n[{"ip": "192.0.2.1", "port": 1, "protocol": "socks5"}, {"ip": "192.0.2.2", "port": 2}]\n' >"$work/odd"
run warm --default-scheme https "$work/odd"
like "$out" '^loaded 2, updated 0, duplicate 0, refused 0' "a byte order mark and a blank line before JSON"
is "$("$PROXTIER" list | sort | tr '\n' ' ')" 'https://192.0.2.2:2 socks5://192.0.2.1:1 ' "a record's own protocol is its own"
printf 'fe80:22::1\n' >"$work/odd"
run warm "$work/odd"
like "$err" 'needs brackets' "an IPv6 address is not taken for host and port"
fresh
printf '{"proxy_url": "http://192.0.2.9:1", "version": 77, "supplied_version": "x", "learnt_version": 78, "removed": 1,
 "tallies": "feedbeef:9:9"}' >"$work/internal.json"
printf 'proxy_url,removed,tallies,version\nhttp://192.0.2.10:1,1,feedbeef:9:9,-1\n' >"$work/internal.csv"
run warm "$work/internal.csv"
is "$(counts)" "loaded 1, updated 0, duplicate 0, refused 0" "columns for what the core keeps for itself are passed over"
run warm "$work/internal.json"
is "$(counts)" "loaded 1, updated 0, duplicate 0, refused 0" "... and such members"
run list --json
is "$(printf '%s' "$out" | grep -cE 'feedbeef|: 7[78]')" 0 "... and not stored"
run export "$work/internal.out"
is "$({ "$PROXTIER" list --json; "$PROXTIER" get --json http://192.0.2.9:1; cat "$work/internal.out"; } |
    grep -cE '"(version|supplied_version|learnt_version|removed|tallies)"')" 0 "list, get and export have no such member"
is "$("$PROXTIER" show http://192.0.2.9:1 | grep -cE '^(version|supplied_version|learnt_version|removed|tallies) ')" 0 \
    "... show has no such line"
done_testing
