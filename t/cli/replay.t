#!/bin/sh
# Misses of every policy on a real trace are those that are published for it; where the trace is not at hand, those of a
# short one made here, as independent implementations count them.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
misses() { # CHAIN IDS
    rm -rf "$work/r"
    echo "tiers: [$1]" >"$work/replay.yaml"
    "$REPLAY" --config "$work/replay.yaml" "$2" | sed -n 's/^misses //p'
}
awk 'BEGIN { s = 7; for (i = 0; i < 6000; i++) { s = (s * 16807) % 2147483647; r = s / 2147483647; print "id" int(200 * r * r * r) } }' >"$work/ids"
# The same in awk: an independent, naive LRU and FIFO.
naive() { # POLICY SIZE
    awk -v policy="$1" -v size="$2" '
        { if ($1 in at) { if (policy == "lru") at[$1] = NR; next }
          misses++
          if (n == size) { oldest = ""; for (k in at) if (oldest == "" || at[k] < at[oldest]) oldest = k; delete at[oldest]; n-- }
          at[$1] = NR; n++ }
        END { print misses }' "$work/ids"
}
for policy in lru fifo; do
    want=$(naive $policy 50)
    is "$(misses "{plugin: l1_memory, shards: 1, max_entries: 50, eviction: $policy}" "$work/ids")" "$want" "$policy in memory"
    is "$(misses "{plugin: l2_jsonl, dir: $work/r, max_entries: 50, eviction: $policy}" "$work/ids")" "$want" "$policy in files"
    is "$(misses "{plugin: l2_sqlite, dir: $work/r, max_entries: 50, eviction: $policy}" "$work/ids")" "$want" "$policy in SQLite"
done
trace=${PROXTIER_SHARED:-$abs_top_srcdir/../shared}/data/trace-block-io.txt.gz
for row in lru:1000:94823 lru:5000:91527 fifo:1000:95520 fifo:5000:91581 lfu:1000:95562 lfu:5000:89798 \
    sieve:1000:93975 sieve:5000:89798 s3fifo:1000:94017 s3fifo:5000:85382; do
    policy=${row%%:*} size=${row#*:}
    if [ -e "$trace" ]; then
        [ -e "$work/trace" ] || gzip -dc "$trace" >"$work/trace"
        is "$(misses "{plugin: l1_memory, shards: 1, max_entries: ${size%:*}, eviction: $policy}" "$work/trace")" "${row##*:}" \
            "$policy with ${size%:*} entries on the trace"
    else
        skip "the shared trace is not here"
    fi
done
done_testing
