#!/bin/sh
# The format of a list is told by its beginning, whatever its name, also on standard input.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
samples=$abs_top_srcdir/t/lists/samples

# piped LOADED NAME <LIST
piped() {
    "$PROXTIER" -q warm --dry-run - >"$work/.out" 2>"$work/.err"
    like "$(cat "$work/.out")" "^loaded $1, updated 0, duplicate 0, refused 0 " "$2"
    [ ! -s "$work/.err" ] || sed 's/^/# /' "$work/.err"
}
for pair in plain.txt:4 urls.txt:6 vendor.txt:8 proxychains.conf:3 geonode.json:2 webshare.json:2 monosans.json:2 \
    jhao104.jsonl:2 by_scheme.json:3 table.csv:2 semicolons.csv:2 tabs.tsv:1 proxywhirl_storage.json:1; do
    piped "${pair#*:}" "${pair%:*} on standard input" <"$samples/${pair%:*}"
done
printf '[2001:db8::1]:8080\n192.0.2.1:80\n' >"$work/in"
piped 2 "an IPv6 address in the first line is no JSON" <"$work/in"
printf '{"proxies":\n [{"ip": "192.0.2.1",\n "port": 80}]}\n' >"$work/in"
piped 1 "an object over several lines is JSON" <"$work/in"
printf '{"ip": "192.0.2.1", "port": 80}\n{"ip": "192.0.2.2", "port": 80}\n' >"$work/in"
piped 2 "an object a line is JSONL" <"$work/in"
printf '{"proxies": ["192.0.2.1:80", "192.0.2.2:80"]}\n' >"$work/in"
piped 2 "one object in one line is JSON" <"$work/in"
printf '\n\n  [\n"192.0.2.1:80"]' >"$work/in"
piped 1 "blanks before a document" <"$work/in"
printf 'proxy\n192.0.2.1:80\n' >"$work/in"
piped 1 "a table of one column" <"$work/in"
printf -- '- {type: socks5, server: 192.0.2.1, port: 1080}\n- {type: http, server: 192.0.2.2, port: 80}\n' >"$work/in"
piped 2 "a sequence of nodes" <"$work/in"
# misnamed NAME LOADED <LIST
misnamed() {
    cat >"$work/$1"
    run warm --dry-run "$work/$1"
    like "$out" "^loaded $2, updated 0, duplicate 0, refused 0 " "$1 that is something else"
}
misnamed a.txt 2 <"$samples/geonode.json"
misnamed a.json 2 <"$samples/jhao104.jsonl"
misnamed a.csv 4 <"$samples/plain.txt"
printf '<html><body>502</body></html>' >"$work/page.txt"
run warm "$work/page.txt"
is "$code" 65 "a web page is no list"
like "$err" 'page.txt:1:1: this is HTML or XML' "... and that is said"
printf 'a,b\n1,2\n' >"$work/other.csv"
run warm "$work/other.csv"
like "$err" 'the header names neither' "a table of something else is told by its name"
for format in text json jsonl csv yaml proxychains; do
    printf '\n' | "$PROXTIER" warm --allow-empty --format "$format" - >/dev/null 2>&1
    is "$?" 0 "blanks are an empty list of format $format"
done
run warm --format xml "$samples/plain.txt"
is "$code" 64 "an unknown format is a usage error"
done_testing
