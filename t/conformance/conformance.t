#!/bin/sh
# `proxtier plugin test` passes the stock plugins and the examples, and refuses what is none.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
for plugin in l1_memory l2_jsonl l2_sqlite l3_sqlite lru lfu fifo sieve s3fifo fernet plain \
    "$abs_top_builddir/t/plugins/refused/.libs/table.so" "$abs_top_builddir/t/plugins/refused/.libs/folder.so" \
    "$abs_top_builddir/t/conformance/faulty/.libs/versioned.so"; do
    run plugin test "$plugin"
    is "$code" 0 "${plugin##*/} keeps its promises"
    printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
done
for lower in l1_memory l2_jsonl l3_sqlite "$abs_top_builddir/t/plugins/refused/.libs/table.so" \
    "$abs_top_builddir/t/conformance/faulty/.libs/versioned.so"; do
    run plugin test fault --options "tier=$lower"
    is "$code" 0 "fault, without faults on ${lower##*/}, keeps its promises"
done
run plugin test fault --options "tier=l1_memory,faults=put 5 fail"
is "$code" 1 "with a fault it does not"
run plugin test l1_memory --options shards=1,max_entires=3
is "$code" 1 "an unknown option of a plugin"
like "$out" 'unknown option "max_entires"' "... is named"
run plugin test "$abs_top_builddir/t/plugins/refused/.libs/other_major.so"
is "$code" 1 "another ABI"
like "$out" 'other_major.so was built for plugin ABI 7' "... is named with its file"
done_testing
