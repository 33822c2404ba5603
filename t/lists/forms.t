#!/bin/sh
# Every form in which lists come is loaded, with schemes and credentials.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
samples=$abs_top_srcdir/t/lists/samples

# loads FILE COUNTS URL...: the proxies of a sample, with their credentials.
loads() {
    file=$1 counts=$2
    shift 2
    fresh
    run warm "$samples/$file"
    is "${out% in *}" "$counts" "$file is loaded"
    is "$("$PROXTIER" list --reveal | LC_ALL=C sort)" "$(printf '%s\n' "$@" | LC_ALL=C sort)" "... its proxies"
}
three='loaded 3, updated 0, duplicate 0, refused 0'
two='loaded 2, updated 0, duplicate 0, refused 0'
one='loaded 1, updated 0, duplicate 0, refused 0'
loads plain.txt 'loaded 4, updated 0, duplicate 0, refused 0' http://192.0.2.1:8080 'http://[2001:db8::1]:8080' \
    http://192.0.2.2:8080 http://192.0.2.3:8080
loads urls.txt 'loaded 6, updated 0, duplicate 0, refused 0' http://192.0.2.1:8080 \
    https://alice:s%40cret@proxy.example.net:443 socks4://192.0.2.2:1080 socks4a://proxy.example.net:1080 \
    socks5://bob:p%40ss%3Aw@192.0.2.3:1080 'socks5h://[2001:db8::5]:1080'
loads vendor.txt 'loaded 8, updated 0, duplicate 0, refused 0' http://alice:s3cret@192.0.2.1:8080 \
    http://alice:p%40ss%3Aw0rd@192.0.2.2:8080 http://carol:s3cret@192.0.2.3:8080 http://dave:s3cret@192.0.2.4:8080 \
    http://erin:s3cret@192.0.2.5:8080 socks5://frank:p%40ss@192.0.2.6:1080 \
    'http://grace:s3c%3A%3Aret@[2001:db8::7]:8080' http://192.0.2.8:8080@bob:1234
loads proxychains.conf "$three" socks4://192.0.2.1:1080 socks5://alice:s3cret@192.0.2.2:1080 http://192.0.2.3:8080
loads socks5.txt "$two" socks5://192.0.2.1:1080 socks5://192.0.2.2:1080
loads sections.txt "$two" socks4://192.0.2.1:1080 http://192.0.2.2:8080
loads geonode.json "$two" socks4://192.0.2.1:1080 socks5://192.0.2.2:1080
loads webshare.json "$two" http://alice:s3cret@192.0.2.1:8168 http://alice:s3cret@192.0.2.2:8168
loads monosans.json "$two" http://192.0.2.1:80 socks5://bob:s3cret@192.0.2.2:1080
loads proxybroker.json "$two" https://192.0.2.1:8080 socks5://192.0.2.2:1080
loads proxyscrape.json "$two" http://192.0.2.1:3128 socks4://192.0.2.2:1080
loads jhao104.jsonl "$two" http://192.0.2.1:8080 http://192.0.2.2:8080
loads by_scheme.json "$three" http://192.0.2.1:8080 socks4://192.0.2.2:1080 socks5://192.0.2.3:1080
loads table.csv "$two" http://192.0.2.1:8080 http://192.0.2.2:3128
loads semicolons.csv "$two" socks5://alice:s3cret@192.0.2.7:1080 http://192.0.2.8:8080
loads tabs.tsv "$one" socks4://192.0.2.1:1080
loads clash.yaml 'loaded 3, updated 0, duplicate 0, refused 1' https://alice:s3cret@192.0.2.1:443 \
    'socks5://[2001:db8::2]:1080' http://192.0.2.4:8080
like "$err" 'clash.yaml:12:5: a node of this "type" is no HTTP or SOCKS proxy' "... and a node of another type is told"
loads proxywhirl_storage.json "$one" socks5://alice:s3cret@192.0.2.1:1080
shared=${PROXTIER_SHARED:-$abs_top_srcdir/../shared}/data
if [ -e "$shared/proxywhirl-proxies-rich.json" ]; then
    fresh
    run warm --ttl 1d "$shared/proxywhirl-proxies-rich.json"
    is "$("$PROXTIER" list --health healthy | wc -l)" 6699 "a real list keeps its health"
    is "$("$PROXTIER" list --json | grep -c '"metadata": "{.*latency_ms')" 6699 "... and its latencies"
else
    skip "the shared lists are not here"
    skip "the shared lists are not here"
fi
done_testing
