#!/bin/sh
# Any tier in any place: the main job through chains of one, two and three.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
tier() { # PLUGIN NUMBER
    case $1 in
    l1_memory) echo "{plugin: l1_memory, max_entries: 50}" ;;
    l3_sqlite) echo "{plugin: l3_sqlite, path: $work/d$2/x.db}" ;;
    *) echo "{plugin: $1, max_entries: 200, dir: $work/d$2}" ;;
    esac
}
try() { # NAME EXPECTED TIERS
    rm -rf "$work"/d[0-9]
    echo "tiers: [$3]" >"$work/chain.yaml"
    run --config "$work/chain.yaml" warm "$abs_top_srcdir/examples/proxies.txt"
    like "$out" "^loaded 400, updated 0, duplicate 0, refused 0" "$1: warm"
    run --config "$work/chain.yaml" list
    # A tier that is full hands down to the next, which may be full of others: together they may have more.
    n=$(echo "$out" | grep -c .)
    [ "$n" -ge "$2" ]
    ok $? "$1: a second process finds $2 or more ($n)"
}
# What stays: everything where a tier without capacity is durable, else what the durable ones hold.
try "l2_jsonl alone" 200 "$(tier l2_jsonl 1)"
try "l2_sqlite alone" 200 "$(tier l2_sqlite 1)"
try "l3_sqlite alone" 400 "$(tier l3_sqlite 1)"
for a in l1_memory l2_jsonl l2_sqlite l3_sqlite; do
    for b in l2_jsonl l2_sqlite l3_sqlite; do
        case $a$b in
        *l3_sqlite*) want=400 ;;
        *) want=200 ;;
        esac
        try "$a over $b" "$want" "$(tier $a 1), $(tier $b 2)"
    done
done
# One word of YAML switches the second tier.
for l2 in l2_jsonl l2_sqlite; do
    sed "s/plugin: l2_jsonl  .*/plugin: $l2/" "$abs_top_srcdir/etc/proxtier.yaml" >"$work/stock.yaml"
    fresh
    run --config "$work/stock.yaml" warm "$abs_top_srcdir/examples/proxies.txt"
    like "$out" "^loaded 400" "the stock chain with $l2"
    run --config "$work/stock.yaml" stats
    like "$out" "^l2 ($l2): on, 400 entries of 5000" "... has it as its second tier"
done
done_testing
