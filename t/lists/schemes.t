#!/bin/sh
# The scheme of a proxy comes from its record, the list, the name of the list; a guess is told.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
samples=$abs_top_srcdir/t/lists/samples
# gives NAME SCHEME: a list of that name with a bare address gives a proxy of that scheme.
gives() {
    fresh
    printf '192.0.2.1:1080\n' >"$work/$1"
    run warm "$work/$1"
    is "$("$PROXTIER" list)" "$2://192.0.2.1:1080" "$1: $2"
}
gives socks4.txt socks4
gives SOCKS5.TXT socks5
gives all-socks5.txt socks5
gives http_proxies.txt http
gives socks4a.list socks4a
gives socks4-socks5.txt http
gives socks50.txt http
gives list.txt http
like "$err" 'notice: .*/list.txt: 1 record names no scheme: taken for http (see --default-scheme)' "a guess is told"
run warm "$work/socks4.txt"
like "$err" "taken for socks4, which is in the file's name" "... and where it comes from"
run -q warm "$work/list.txt"
is "$err" "" "... but with --quiet"
run warm --default-scheme socks5 "$work/socks4.txt"
is "$err" "" "an option is no guess"
is "$("$PROXTIER" list | grep -c '^socks5:')" 1 "... and counts more than the name"
fresh
printf '# HTTP proxies\n192.0.2.1:80\nsocks5://192.0.2.2:80\nsocks4 192.0.2.3 80\n' >"$work/socks4.txt"
run warm "$work/socks4.txt"
is "$err" "" "what a comment or an address says is no guess"
is "$("$PROXTIER" list | LC_ALL=C sort | tr '\n' ' ')" 'http://192.0.2.1:80 socks4://192.0.2.3:80 socks5://192.0.2.2:80 ' \
    "... and counts more than the name"
run warm "$samples/geonode.json"
is "$err" "" "a member is no guess"
printf 'bob:1234:192.0.2.8:8080\n' >"$work/list.txt"
run warm --dry-run "$work/list.txt"
like "$err" 'warning: .*list.txt: 1 record has two ports: read as host:port:user:password' "a line with two ports is told"
printf '192.0.2.8:8080:bob:1234\n' >"$work/list.txt"
run warm --dry-run "$work/list.txt"
is "$(echo "$err" | grep -c warning)" 0 "... unless the first field is an address"
done_testing
