#!/bin/sh
# status says what is due and names the command; tier forget ends the wait for a tier that was taken out.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
l2="{name: l2, plugin: l2_jsonl, dir: $work/d2, max_entries: 300}"
middle="{name: middle, plugin: l2_sqlite, dir: $work/d3, max_entries: 300}"
l3="{name: l3, plugin: l3_sqlite, path: $work/d4/x.db}"
echo "tiers: [$l2, $middle, $l3]" >"$work/three.yaml"
echo "tiers: [$middle, $l3]" >"$work/two.yaml"
echo "tiers: [$l2, $middle]" >"$work/faster.yaml"
echo "tiers: [$l3]" >"$work/one.yaml"
on() { # NAME ARGUMENT...
    chain=$1
    shift
    run -q --config "$work/$chain.yaml" "$@"
}
field() { # of the JSON output: NAME
    echo "$out" | sed -n "s/.*\"$1\": \([^,}]*\).*/\1/p"
}

# A pool of one durable tier.
on one put http://192.0.2.9:80
on one status
is "$code" 0 "a pool of one tier is well"
like "$out" "^l3  *on, 1 entries" "... and its tier is shown"
rm -rf "$work"/d?

# A pool of three.
on three warm "$abs_top_srcdir/examples/proxies.txt"
on three status
is "$code" 0 "a pool of three: all is well"
like "$out" "^middle  *on, 300 entries$" "... its tiers with their entries"
like "$out" "agree on all changes up to 20[0-9-]*T[0-9:.]*Z" "... the checkpoint as a time"
like "$out" "^page: $work/d4/x.db.page" "... the path of the page"
on three status --json
is "$(field well)" true "... the same as JSON"
on three stats
like "$out" "agree on all changes up to 20" "stats: the checkpoint"
like "$out" "^    doubted  *0$" "... and the groups in doubt"
on three stats --openmetrics
like "$out" "^proxtier_tier_doubted{tier=\"l3\",backend=\"l3_sqlite\"} 0$" "... in OpenMetrics too"
like "$out" "^proxtier_pool_checkpoint_timestamp_seconds [0-9]*\.[0-9]*$" "... with the checkpoint"
like "$out" "^proxtier_pool_missing_members 0$" "... and no member is missing"
on three tier forget l2
is "$code" 65 "a tier of the configuration cannot be forgotten"
like "$err" "l2 is in this chain" "... and the message says why"
on three tier forget nothing
is "$code" 1 "a name that no member has"

# One of the faster tiers is taken out of the configuration.
on two put http://192.0.2.1:80
is "$code" 0 "l2 taken out: put"
on two get http://192.0.2.1:80
is "$out" http://192.0.2.1:80 "... get answers"
on two list
is "$code $(echo "$out" | grep -c .)" "0 401" "... list is whole, for the slowest tier answers"
on two status
is "$code" 69 "... status: something is missing"
like "$out" "^l2  *not in this chain, in doubt for 1 of 32768" "... names the member"
like "$out" "^due: l2 .*proxtier tier forget l2" "... and the command"
on two status --json
is "$(field well)" false "... the same as JSON"
on two stats --json
is "$(field missing_members)" 1 "... and stats count it"
on two tier forget l2
is "$code" 0 "forget it"
like "$out" "^l2 is forgotten.* in doubt for 1; for 0 it alone" "... and how many groups of keys that concerns"
on two status
is "$code" 0 "... and all is well"
on two list
is "$code $(echo "$out" | grep -c .)" "0 401" "... nothing is lost"
# As after a new start of the machine: the members are those that the stores know.
rm "$work/d4/x.db.page"
on two status
is "$code" 0 "... also with a new page"
# The store comes back.
on two delete http://192.0.2.1:80
on three status
is "$code" 0 "a tier that was forgotten is put back: all is well"
on three list
is "$code $(echo "$out" | grep -c .)" "0 400" "... and what was deleted meanwhile stays away"

# A removal is remembered until all members agree.
on three delete http://192.0.2.1:80
mv "$work/d2" "$work/away"
on two put http://192.0.2.8:80
on two delete http://192.0.2.8:80
on two stats --openmetrics
like "$out" '^proxtier_tier_tombstones{tier="l3",backend="l3_sqlite"} [1-9]' "a tombstone: OpenMetrics counts it"
like "$out" "^proxtier_pool_skewed_total 0$" "... and no version too far ahead of the clock"
on two stats
like "$out" "^    tombstones  *[1-9]" "... stats too"
on two status
like "$out" "^l3  *on, 400 entries, [1-9] tombstones$" "... status too"
rm -rf "$work/d2"
mv "$work/away" "$work/d2"
on three expire
on three status
is "$code $(echo "$out" | grep -c tombstones)" "0 0" "... until all have it"

# The slowest tier is taken out.
on faster list
is "$code" 69 "the slowest tier taken out: a list may lack entries"
like "$err" "tier l3 belongs to the pool and is not in this chain.*proxtier status" "... and says which tier is missing"
on faster tier forget l3
on faster list
is "$code" 0 "... until it is forgotten"

# One tier is left: it deletes without tombstones, and what comes back later is older than that.
rm -rf "$work"/d?
echo "tiers: [$l2, $l3]" >"$work/pair.yaml"
on pair put http://192.0.2.1:80
on pair put http://192.0.2.2:80
on one tier forget l2
on one delete http://192.0.2.1:80
is "$code" 0 "all but one are forgotten: delete"
on pair list
is "$code $out" "0 http://192.0.2.2:80" "... what was deleted stays away when a tier comes back"
on pair get http://192.0.2.1:80
is "$code" 1 "... also from a get"
on pair put http://192.0.2.3:80
on pair status
is "$code $(echo "$out" | grep -c "^l[23]  *on, [12] entries")" "0 2" "... and all is well"

# Of a change that the last tier has missed.
rm -rf "$work"/d?
on three put http://192.0.2.1:80
on faster put http://192.0.2.2:80
on one tier forget middle
like "$out" "in doubt for 0; for 0 it alone" "a tier is forgotten, and another one has what it had"
on one tier forget l2
like "$out" "in doubt for 0; for 1 it alone" "... a tier that had alone what was put last"
on one list
is "$code $out" "0 http://192.0.2.1:80" "... that is given up"

# Names that are given by place: the tier that stays has the name of the one that was taken out.
rm -rf "$work"/d?
sed 's/name: [a-z0-9]*, //g' "$work/three.yaml" >"$work/unnamed.yaml"
sed 's/name: [a-z0-9]*, //g' "$work/two.yaml" >"$work/unnamed_two.yaml"
on unnamed warm "$abs_top_srcdir/examples/proxies.txt"
on unnamed_two status
is "$code $(echo "$out" | grep -c "not in this chain")" "69 1" "tiers named by place: one is missing"
missing=$(echo "$out" | sed -n 's/^\(l[0-9]\)  *not in this chain.*/\1/p')
is "$missing" l1 "... under the name that it had"
on unnamed_two tier forget l2
is "$code" 65 "... the other one of the two is in this chain"
on unnamed_two tier forget "$missing"
is "$code" 0 "... it is forgotten, though another tier has its name now"
on unnamed_two status
is "$code $(echo "$out" | grep -c "^l[12]  *on, [34]00 entries")" "0 2" "... and the others stay"

# A tier that cannot be opened.
rm -rf "$work"/d?
sed 's/max_entries: 300}/max_entries: 300, required: false}/g' "$work/three.yaml" >"$work/lenient.yaml"
on lenient put http://192.0.2.1:80
mv "$work/d2" "$work/away"
: >"$work/d2"
on lenient status
is "$code" 69 "a tier cannot be opened"
like "$out" "^l2  *absent: " "... status says so"
like "$out" "^due: l2 cannot be opened" "... and what to do"
on lenient tier forget l2
is "$code" 65 "... it cannot be forgotten while it is configured"
rm "$work/d2"
mv "$work/away" "$work/d2"
on lenient status
is "$code" 0 "... until it is back"
run tier remember l2
is "$code" 64 "tier knows forget only"
done_testing
