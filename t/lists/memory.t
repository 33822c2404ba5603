#!/bin/sh
# A list of any length takes 16 bytes of memory for each distinct key, and nothing for what was read.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if [ ! -r /proc/self/status ]; then
    skip "/proc/self/status is not there"
    done_testing
fi
if [ -n "$(sed -n 's/^SANITIZE = *//p' "$abs_top_builddir/Makefile")" ]; then
    skip "a sanitizer takes memory of its own"
    done_testing
fi
mkfifo "$work/list"
# peak COUNT EACH: the most memory, in KiB, that a warm takes for COUNT proxies, each of which comes EACH times: read when all
# of the list is in the pipe.
peak() {
    "$PROXTIER" -q warm --dry-run - <"$work/list" >"$work/out" &
    {
        awk -v n="$1" -v each="$2" 'BEGIN { for (e = 0; e < each; e++) for (i = 0; i < n; i++)
            printf "http://10.%d.%d.%d:8080\n", i / 65536, i / 256 % 256, i % 256 }'
        sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB$/\1/p' /proc/$!/status >"$work/peak"
    } >"$work/list"
    wait
    cat "$work/peak"
}
few=$(peak 10000 1)
many=$(peak 310000 1)
again=$(peak 10000 31)
ok "$((few > 0 && many > 0 ? 0 : 1))" "peaks of $few and $many KiB"
per_key=$(((many - few) * 1024 / 300000))
[ "$per_key" -ge 8 ] && [ "$per_key" -le 16 ]
ok $? "300000 more proxies take $per_key bytes each"
per_line=$(((again - few) * 1024 / 300000))
[ "$per_line" -le 2 ]
ok $? "300000 more lines of the same proxies take $per_line bytes each"
done_testing
