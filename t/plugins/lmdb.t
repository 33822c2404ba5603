#!/bin/sh
# The example lmdb, a tier over LMDB: it keeps its promises, alone and under memory, for several processes, where its map has to
# grow, where it may not grow, and where a row is damaged.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
plugin=$abs_top_builddir/t/plugins/lmdb/.libs/lmdb.so
if [ ! -f "$plugin" ]; then
    skip "liblmdb is not installed"
    done_testing
fi

promises() { # NAME ARGUMENT...
    name=$1
    shift
    run plugin test "$plugin" "$@"
    is "$code" 0 "$name"
    printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
}
promises "it keeps its promises" --second "dir=$work/second"
like "$out" '^ok [0-9]* - two stores are two$' "... of two stores"
promises "... also where each write is synced, in a map that has to grow" --options "sync=full,max_size=16MiB,dir=$work/one" \
    --second "sync=full,dir=$work/other" --reset "rm -rf '$work/one' '$work/other'"

bin=$work/bin
mkdir "$bin"
chmod 755 "$work" "$bin"
cp "$plugin" "$bin/"
chmod 755 "$bin/lmdb.so"
cat >"$work/alone.yaml" <<END
plugin_dirs: [$bin]
tiers:
  - {plugin: lmdb, dir: $work/alone}
END
cat >"$work/below.yaml" <<END
plugin_dirs: [$bin]
tiers:
  - {plugin: l1_memory, max_entries: 100}
  - {plugin: lmdb, dir: $work/below}
END
chain() { # NAME ARGUMENT...
    name=$1
    shift
    run --config "$work/$name.yaml" "$@"
}

# The only tier.
chain alone put http://192.0.2.1:80
key=$out
chain alone get "$key"
is "$code $out" "0 http://192.0.2.1:80" "alone, it keeps an entry"
chain alone report "$key" fail
chain alone history "$key"
is "$code $(printf "%s\n" "$out" | grep -c degraded)" "0 1" "... with its history"
chain alone delete "$key"
chain alone get "$key"
is "$code" 1 "... until it is deleted"
chain alone history "$key"
is "$(printf "%s\n" "$out" | grep -c degraded)" 0 "... with its history"

# The slowest tier, for four processes at once.
lists() { # PROCESS: 1000 proxies, of which one half is in the lists of all processes
    awk -v process="$1" 'BEGIN { for (i = 0; i < 1000; i++) printf "http://10.%d.%d.%d:80\n", i < 500 ? 0 : process, i / 250, i % 250 }'
}
workers=
for process in 1 2 3 4; do
    lists $process >"$work/list.$process"
    "$PROXTIER" --quiet --config "$work/below.yaml" warm "$work/list.$process" >"$work/out.$process" 2>&1 &
    workers="$workers $!"
done
failed=0
for worker in $workers; do
    wait "$worker" || failed=$((failed + 1))
done
is "$failed" 0 "four processes load lists at once" || cat "$work"/out.*
chain below list
is "$(printf '%s\n' "$out" | sort | cksum)" "$(sort -u "$work"/list.? | cksum)" "... and all of their entries are there"
chain below status
is "$code" 0 "... with nothing to do" || printf '%s\n' "$out" | sed 's/^/# /'
is "$(find "$work/below" -name data.mdb -size +1024k | wc -l)" 1 "... in a map that has grown"

# A map that may not grow.
sed -e 's,/alone},/alone_full\, max_size: 1MiB},' "$work/alone.yaml" >"$work/full.yaml"
batches=0
while [ "$batches" -lt 50 ] && { awk -v batch=$batches 'BEGIN { for (i = 0; i < 100; i++) printf "http://10.1.%d.%d:80\n", batch, i }' \
    >"$work/batch" && chain full --quiet warm "$work/batch" && [ "$code" -eq 0 ]; }; do
    batches=$((batches + 1))
done
is "$code" 74 "a map that may not grow refuses what it has no room for"
like "$err" 'max_size' "... and says what to do"
chain full list
is "$(printf '%s\n' "$out" | wc -l) $([ "$batches" -gt 2 ] && echo many)" "$((100 * batches)) many" "... and keeps what it has"
chain full clear --yes
is "$code" 0 "... and can be emptied"
chain full put http://192.0.2.1:80
is "$code" 0 "... and then has room again"

# A damaged row, between a faster tier and a slower one.
cat >"$work/damaged.yaml" <<END
plugin_dirs: [$bin]
tiers:
  - {plugin: lmdb, dir: $work/damaged}
  - {plugin: l3_sqlite, path: $work/damaged.db}
END
chain damaged put http://192.0.2.77:80
key=$out
chain damaged put http://192.0.2.78:80
LC_ALL=C sed -i 's,"http://192\.0\.2\.77:80",123456789012345678901x,g' "$work/damaged/data.mdb"
chain damaged get "$key"
is "$code $out" "0 http://192.0.2.77:80" "a damaged row is not there: the slower tier answers"
like "$err" 'is damaged' "... and the log tells of it"
chain damaged status
is "$code" 0 "... and what was damaged is put again"
sed -i '/l3_sqlite/d' "$work/damaged.yaml"
chain damaged --quiet list
is "$(printf '%s\n' "$out" | sort | tr '\n' ' ')" "http://192.0.2.77:80 http://192.0.2.78:80 " "... into the tier itself"

# Damaged rows with no other tier.
damage() { # NUMBER...: the entries of 192.0.2.NUMBER
    for number in "$@"; do
        LC_ALL=C sed -i "s,\"http://192\.0\.2\.$number:80\",123456789012345678901x,g" "$work/alone/data.mdb"
    done
}
for number in 81 82 83 84 85; do
    chain alone put "http://192.0.2.$number:80"
done
damage 81 82
chain alone list
is "$code $(printf '%s\n' "$out" | sort | tr '\n' ' ')" "0 http://192.0.2.83:80 http://192.0.2.84:80 http://192.0.2.85:80 " \
    "a list passes damaged rows over"
chain alone stats
like "$out" 'lmdb): on, 3 entries' "... and they are not counted any more"
damage 83 84
chain alone delete http://192.0.2.83:80
is "$code" 1 "a damaged row is not there when it is to be deleted"
chain alone put http://192.0.2.84:80
chain alone get http://192.0.2.84:80
is "$code $out" "0 http://192.0.2.84:80" "... and what is put takes its place"
chain alone list
is "$(printf '%s\n' "$out" | sort | tr '\n' ' ')" "http://192.0.2.84:80 http://192.0.2.85:80 " "... and the others stay"
done_testing
