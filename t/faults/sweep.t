#!/bin/sh
# A fixed session in whose middle the n-th call of a kind fails, then a clean process, then a reader that compares the tiers
# with each other and with what callers were told: sweep.c. Some n of each kind; with PXT_LONG all. PXT_JOBS: by so many
# processes. To repeat one run by the programs themselves, and keep its files: PXT_FAULT='CHAIN KIND N', as a failed line
# says; PXT_FAULT='CHAIN' or 'CHAIN KIND' for a part.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if [ "$(getconf LONG_BIT)" != 64 ]; then
    skip "failing calls: the library knows the system calls of 64 bits only"
    done_testing
fi
if [ "${PXT_REPEATED:-}" ]; then
    skip "PXT_REPEATED: this is done where all tests are run"
    done_testing
fi
here=$abs_top_builddir/t/faults
preload=$here/.libs/failing_calls.so
points=${PXT_FAULT_POINTS:-8}
jobs=${PXT_JOBS:-1}
exec 3>&1 # for what tells how far it is
# In memory, if there is such a folder and no other one is wanted: nothing here is about lost power.
root=$work
if [ -n "$TMPDIR" ]; then
    root=$(mktemp -d "$TMPDIR/proxtier-t-XXXXXX") || exit 1
elif [ -d /dev/shm ] && [ -w /dev/shm ]; then
    root=$(mktemp -d /dev/shm/proxtier-t-XXXXXX) || exit 1
fi
trap 'rm -rf "$work" "$root"' EXIT
# Of the first job, and of the programs: allocations depend on the length of the path.
data=$root/0
mkdir "$data" || exit 1
set -- $PXT_FAULT
only_chain=$1 only_kind=$2 only_number=$3

# chain NAME: for the folder $data, sets $yaml and the $tiers of the reader
head="degrade: {threshold: 2, backoff: 1ms, backoff_max: 2ms}
health: {invalidate: false}
lock_timeout: 200ms"
memory='{plugin: l1_memory, max_entries: 8}'
chain() {
    jsonl="{plugin: l2_jsonl, lock_timeout: 200ms, dir: $data/d/l2"
    l3="{plugin: l3_sqlite, busy_timeout: 200ms, path: $data/d/l3.db"
    case $1 in
    jsonl_sqlite)
        yaml="encryptor: {plugin: plain}
tiers: [$memory, $jsonl, max_entries: 12, eviction: fifo}, $l3}]"
        tiers="~jsonl:$data/d/l2 l3:$data/d/l3.db"
        ;;
    sqlite_twice)
        yaml="encryptor: {plugin: fernet, auto_key_file: $data/d/key}
tiers: [$memory, {plugin: l2_sqlite, busy_timeout: 200ms, dir: $data/d/l2, max_entries: 12, eviction: fifo}, $l3}]"
        tiers="~l2:$data/d/l2/l2_cache.db l3:$data/d/l3.db"
        ;;
    write_behind)
        yaml="encryptor: {plugin: plain}
tiers: [$memory, $jsonl, max_entries: 12, eviction: lru}, $l3, write_behind: true}]"
        tiers="~jsonl:$data/d/l2 l3:$data/d/l3.db"
        ;;
    jsonl_alone)
        yaml="encryptor: {plugin: plain}
tiers: [$memory, $jsonl, shards: 2}]"
        tiers="jsonl:$data/d/l2"
        ;;
    esac
    yaml="$head
$yaml"
}

# session CALL HOW REPEAT N: the session with a fault, for a chain
session() {
    rm -rf "$data/d" "$data/log" "$data/count"
    mkdir -m 700 "$data/d"
    FAULT_FOLDER=$data/d FAULT_CALL=$1 FAULT_HOW=$2 FAULT_REPEAT=$3 FAULT_NUMBER=$4 FAULT_COUNT=$data/count \
        LD_PRELOAD=$preload timeout 60 "$here/session" script "$yaml" "$data/log"
}
# try CALL HOW REPEAT N: one run; writes what is wrong to $work/wrong
try() {
    {
        session "$@" || echo "crash: the session ended with $?"
        if timeout 60 "$here/session" rest "$yaml" "$data/log"; then :; else echo "rest: ended with $?"; fi
        # shellcheck disable=SC2086
        if timeout 60 "$here/reader" "$data/log" $tiers; then :; else echo "reader: ended with $?"; fi
    } >"$work/wrong" 2>&1
    [ ! -s "$work/wrong" ]
}

# finds PATTERN NAME: the reader has something to say
finds() {
    # shellcheck disable=SC2086
    like "$("$here/reader" "$data/log" $tiers)" "$1" "$2"
}
# without_fault CHAIN: what is wrong below is not wrong by itself, and would be found
without_fault() {
    [ "${only_chain:-$1}" = "$1" ] && [ -z "$only_kind" ] || return
    chain "$1"
    try write EIO 1 0
    ok $? "$1: without a fault nothing is wrong"
    sed 's/^/# /' "$work/wrong" | head -n 12
    cp "$data/log" "$work/log"
    printf 'B x put k00\nE x 0\n' >>"$data/log"
    finds '^at rest: k00: old' "$1: the reader finds a lost put"
    printf 'B y put k99\nE y 0\n' >>"$data/log"
    finds '^at rest: k99: lost' "$1: ... of a new key"
    printf 'B z delete k20\nE z 0\n' >>"$data/log"
    finds '^at rest: k20: back' "$1: ... an entry that is back after its delete"
    printf 'B w report k20\nE w 0\n' >>"$data/log"
    finds '^reports: k20' "$1: ... a lost report"
    sed '/^S .* k20 /d; s/^\(E .* 0\) s0-1$/\1 s0-2/' "$work/log" >"$data/log"
    finds '^told by get: k00: never put' "$1: ... a get of what was never put"
    finds '^told by a list: k20: lost' "$1: ... a list without an entry"
}

# tiers_that_differ CHAIN: JSONL above SQLite, changed by hand
tiers_that_differ() {
    [ "${only_chain:-$1}" = "$1" ] && [ -z "$only_kind" ] || return
    chain "$1"
    try write EIO 1 0
    for shard in "$data"/d/l2/shard_*.jsonl; do :; done # the last one is read last
    sed -i 's/"access_count": [0-9]*/"access_count": 77/' "$data"/d/l2/shard_*.jsonl
    finds '^$' "$1: accesses may differ between tiers"
    sed -i 's/"failure_count": 0/"failure_count": 9/' "$data"/d/l2/shard_*.jsonl
    finds '^differ: k[0-9]*: failure_count is 9 in' "$1: other fields may not"
    echo '{"deleted": "k21", "version": 5, "why": "deleted"}' >>"$shard"
    finds '^differ: k21: version 5 removed' "$1: ... nor may a tombstone stand beside an entry"
    echo '{"key": "k21", "prox' >>"$shard"
    finds '^unreadable: a line of' "$1: no line may be damaged"
}

# places CHAIN CALL HOW REPEAT FIRST STRIDE: the places of a kind, by t/faults/sweep, split among $jobs processes; writes
# what it prints to $work/out.JOB. Each has a folder of its own.
places() {
    job=0 jobs_run=
    while [ "$job" -lt "$jobs" ]; do
        (
            data=$root/$job
            mkdir -p "$data"
            chain "$1"
            # shellcheck disable=SC2086
            FAULT_CALL=$2 FAULT_HOW=$3 FAULT_REPEAT=$4 LD_PRELOAD=$preload \
                "$here/sweep" $(($5 + job * $6)) $(($6 * jobs)) "$data" "$yaml" "$here/reader" $tiers >"$work/out.$job" 2>&3
        ) &
        jobs_run="$jobs_run $!" job=$((job + 1))
    done
    ended=0
    for pid in $jobs_run; do
        wait "$pid" || ended=$?
    done
    return $ended
}

# repeat CHAIN KIND N: one run, by the programs; keeps the files
repeat() {
    try "$call" "$how" "$repeat" "$3"
    ok $? "$1: $2: call $3"
    sed 's/^/#   /' "$work/wrong" | head -n 12
    trap '[ "$work" = "$root" ] || rm -rf "$work"' EXIT
    echo "# the files are in $data"
}

# sweep CHAIN KIND: KIND is CALL-HOW-REPEAT
sweep() {
    [ "${only_chain:-$1}" = "$1" ] && [ "${only_kind:-$2}" = "$2" ] || return
    chain "$1"
    call=${2%%-*} how=${2#*-}
    repeat=${how#*-} how=${how%-*}
    if [ -n "$only_number" ]; then
        repeat "$1" "$2" "$only_number"
        return
    fi
    session "$call" "$how" "$repeat" 0 >"$work/out" 2>&1
    total=$(cat "$data/count" 2>/dev/null)
    if [ "${total:-0}" -eq 0 ]; then
        skip "$1: $2: the session makes no such call"
        return
    fi
    case $2 in
    write-*-1) stride=$((total / points / 3 + 1)) ;; # one write that fails is the most likely fault, and the best hidden one
    *) stride=$((total / points + 1)) ;;
    esac
    [ -z "$PXT_LONG" ] || stride=1
    began=$(date +%s)
    # Not always from the first call on: it is the same for all kinds.
    places "$1" "$call" "$how" "$repeat" $((1 + (stride * tests_run / 7) % stride)) "$stride"
    ended=$?
    seconds=$(($(date +%s) - began))
    runs=0 failed=0 same=0 killed=0 found=
    cat "$work"/out.* >"$work/all"
    while read -r word calls _ some _ wrong _ repeated _ ended_it; do
        [ "$word" = total ] || continue
        found="$found$calls " runs=$((runs + some)) failed=$((failed + wrong)) same=$((same + repeated)) killed=$((killed + ended_it))
    done <"$work/all"
    # All of them have gone through the same calls.
    [ "$ended" -eq 0 ] && [ "$failed" -eq 0 ] && [ -z "$(printf '%s' "$found" | tr ' ' '\n' | grep -vx "$total")" ]
    ok $? "$1: $2: $runs of $total calls"
    [ -z "$PXT_LONG" ] || echo "# $runs runs in $seconds seconds, $same of them with the outcome of another one"
    [ "$killed" -eq 0 ] || echo "# $killed of them were ended by libgcrypt, which takes no failing allocation in its first call"
    [ "$ended" -eq 0 ] || echo "# the sweep has ended with $ended"
    [ "$failed" -eq 0 ] || tell_wrong "$1" "$2"
    rm -f "$work"/out.*
}
# tell_wrong CHAIN KIND: of $work/all
tell_wrong() {
    grep '^[0-9]*: ' "$work/all" | sort -n -s -t: -k1,1 >"$work/lines"
    first=$(sed -n '1s/:.*//p' "$work/lines")
    echo "# $failed of $runs runs are wrong, first: PXT_FAULT='$1 $2 $first'"
    cut -d: -f1,2 "$work/lines" | sort -u | cut -d: -f2 | sort | uniq -c | sed 's/^ */# runs with: /'
    sed -n "s/^$first: /#   /p" "$work/lines" | head -n 12
}

if ! LD_PRELOAD=$preload "$here/session" works >"$work/out" 2>&1; then
    case $TEST_CFLAGS in
    *-fsanitize*) skip "failing calls: the sanitizers have an allocator of their own" ;;
    *) ok 1 "memory can be made to fail: $(cat "$work/out")" ;;
    esac
    done_testing
fi
tiers_that_differ jsonl_sqlite
for chain in jsonl_sqlite sqlite_twice write_behind jsonl_alone; do
    without_fault $chain
    for kind in alloc-ENOMEM-1 alloc-ENOMEM-4 alloc-ENOMEM-on write-EIO-1 write-EIO-on write-ENOSPC-1 write-ENOSPC-on \
        write-short-1 write-short-on write-torn-1 write-torn-on sync-EIO-1 sync-EIO-on open-EIO-1 open-EIO-on \
        rename-EIO-1 lock-EIO-1 lock-EIO-on mmap-EIO-1 truncate-EIO-1 read-EIO-1 read-EIO-on; do
        sweep $chain $kind
    done
done
done_testing
