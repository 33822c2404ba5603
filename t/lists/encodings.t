#!/bin/sh
# Lists come packed, in other character sets, and with other line ends.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
printf 'http://alice:s3cret@192.0.2.1:8080\nsocks5://b\303\266b:w@192.0.2.2:1080\n' >"$work/list.txt"
# same NAME FILE: the file has the two proxies.
same() {
    fresh
    run warm "$2"
    is "$("$PROXTIER" list --reveal | sort | tr '\n' ' ')" \
        'http://alice:s3cret@192.0.2.1:8080 socks5://b%C3%B6b:w@192.0.2.2:1080 ' "$1"
}
same "UTF-8" "$work/list.txt"
{ printf '\357\273\277' && cat "$work/list.txt"; } >"$work/marked.txt"
same "UTF-8 with a byte order mark" "$work/marked.txt"
for order in LE BE; do
    iconv -f UTF-8 -t UTF-16$order "$work/list.txt" >"$work/wide.txt"
    same "UTF-16$order without a byte order mark" "$work/wide.txt"
    { printf '\357\273\277' && cat "$work/list.txt"; } | iconv -f UTF-8 -t UTF-16$order >"$work/wide.txt"
    same "UTF-16$order with one" "$work/wide.txt"
done
tr '\n' '\r' <"$work/list.txt" >"$work/cr.txt"
same "lines that end in CR" "$work/cr.txt"
sed 's/$/\r/' "$work/list.txt" >"$work/crlf.txt"
same "lines that end in CRLF" "$work/crlf.txt"
gzip -c "$work/list.txt" >"$work/list.txt.gz"
same "gzip" "$work/list.txt.gz"
gzip -c "$work/list.txt" >"$work/list.dat"
same "gzip, whatever the name" "$work/list.dat"
{ sed 1q "$work/list.txt" | gzip -c && sed 1d "$work/list.txt" | gzip -c; } >"$work/two.gz"
same "gzip of several members" "$work/two.gz"
iconv -f UTF-8 -t UTF-16LE "$work/crlf.txt" | gzip -c >"$work/all.gz"
same "UTF-16 with CRLF in gzip" "$work/all.gz"
printf '# a\r\r192.0.2.1:80\r\nbad line here\r' >"$work/lines.txt"
run warm --dry-run "$work/lines.txt"
like "$err" 'lines.txt:4:1:' "lines are counted whatever ends them"
head -c 30 "$work/list.txt.gz" >"$work/cut.gz"
run warm "$work/cut.gz"
is "$code" 65 "gzip that is cut off is an error"
like "$err" 'cut.gz: the gzip data ends too early' "... which is told"
{ cat "$work/list.txt.gz" && printf '192.0.2.9:80\n'; } >"$work/behind.gz"
run warm "$work/behind.gz"
like "$err" 'behind.gz: what follows the gzip data is none' "what follows gzip is not passed over"
{ cat "$work/list.txt.gz" && printf '\0\0\0\0\0'; } >"$work/padded.gz"
same "... but for zeros" "$work/padded.gz"
printf '1\000' >"$work/half.txt"
printf '9\000\000' >>"$work/half.txt"
run warm "$work/half.txt"
is "$code" 65 "half a character of UTF-16 at the end is an error"
printf '\377\376\000\334a\000' >"$work/odd.txt"
run warm "$work/odd.txt"
like "$err" 'odd.txt: the text is not UTF-16' "... and so is half a pair"
{
    printf '{"proxy_url": "http://192.0.2.1:80", "source": "Quelle-\303\274"}\n'
    printf '{"proxy_url": "http://192.0.2.2:80", "source": "\303\274",}\n'
    printf '{"proxy_url": "http://192.0.2.3:80", "source": "\303"}\n'
} >"$work/raw.jsonl"
fresh
run warm "$work/raw.jsonl"
like "$out" '^loaded 1, .* refused 2 ' "JSON with characters that are not escaped"
like "$err" 'raw.jsonl:2:[0-9]*: malformed JSON' "... is refused with a comma too many"
like "$err" 'raw.jsonl:3:[0-9]*: malformed JSON' "... and where it is not UTF-8"
run show http://192.0.2.1:80
like "$out" "$(printf '^source  *Quelle-\303\274$')" "... and kept as it is"
i=0
while [ $i -lt 20000 ]; do
    echo "198.51.$((i / 200)).$((i % 200)):8080"
    i=$((i + 1))
done >"$work/long.txt"
iconv -f UTF-8 -t UTF-16BE "$work/long.txt" | gzip -c >"$work/long.gz"
run warm --dry-run "$work/long.gz"
like "$out" '^loaded 20000, updated 0, duplicate 0, refused 0 ' "a long list, packed and wide"
done_testing
