#!/bin/sh
# kill -9 in the middle of warm, at different instants: every command works afterwards, every entry can be read.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
awk 'BEGIN { for (i = 0; i < 60000; i++) printf "10.%d.%d.%d:8080\n", i / 65536, i / 256 % 256, i % 256 }' >"$work/long.txt"
for delay in 0.02 0.05 0.1 0.2 0.4; do
    "$PROXTIER" -q warm "$work/long.txt" >/dev/null 2>&1 &
    pid=$!
    sleep $delay
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    run -q stats
    is "$code" 0 "killed after $delay s: statistics"
    run -q list
    is "$code" 0 "... and a list"
    echo "$out" | grep -v -c '^http://10\.[0-9.]*:8080$' >"$work/odd"
    is "$(grep -c . "$work/.out" | cut -d' ' -f1)" "$(sort -u "$work/.out" | wc -l)" "... of whole and distinct entries"
    like "$("$PROXTIER" stats)" 'evictions_corruption *0' "... none damaged"
done
n=$(wc -l <"$work/.out")
run -q put http://192.0.2.1:1
is "$code" 0 "and more can be put"
is "$("$PROXTIER" -q list | wc -l)" "$((n + 1))" "nothing that was there is gone"
is "$(find "$work/.cache" -name '*.compact' | wc -l)" 0 "no temporary file is left"
done_testing
