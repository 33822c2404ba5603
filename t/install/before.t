#!/bin/sh
# Configurations and pools of each version before open in this one, and nothing of them is lost.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
ok_grep() { # PATTERN FILE TITLE
    grep -aq "$1" "$2"
    ok $? "$3"
}
LC_ALL=C
export LC_ALL
for version in "$abs_top_srcdir"/t/install/before/*/; do
    version=${version%/}
    name=${version##*/}
    for file in "$version"/etc/*.yaml; do
        run --state-dir "$work/none" --config "$file" config check
        is "$code$err" 0 "${file##*/} of $name is a configuration"
    done
    # Each tier of the pool is asked alone too, where the other cannot help. A list may then say that it cannot know of all.
    for chain in '' 'tiers: [{name: l2, plugin: l2_jsonl}]' 'tiers: [{name: l3, plugin: l3_sqlite}]'; do
        rm -rf "$work/pool"
        cp -R "$version/pool" "$work/pool"
        chmod -R u+rwX,go= "$work/pool"
        echo "$chain" >"$work/chain.yaml"
        run --state-dir "$work/pool" --config "$work/chain.yaml" list --reveal
        [ "$code" -eq 0 ] || { [ "$chain" ] && [ "$code" -eq 69 ]; }
        ok $? "the pool of $name opens${chain:+ with $chain}" || printf '%s\n' "$err" | sed 's/^/# /'
        is "$(printf '%s\n' "$out" | sort)" "$(cat "$version/expected")" "... and has all entries, credentials included"
    done
    rm -rf "$work/pool"
    cp -R "$version/pool" "$work/pool"
    chmod -R u+rwX,go= "$work/pool"
    run --state-dir "$work/pool" get --healthy
    is "$out" http://192.0.2.4:804 "what was learnt of a proxy is still known"
    run --state-dir "$work/pool" get http://user3@192.0.2.3:803
    is "$code" 1 "what was deleted stays deleted"
    run --state-dir "$work/pool" put http://198.51.100.1:80
    is "$code" 0 "the pool of $name takes new entries"
    run --state-dir "$work/pool" status
    is "$code" 0 "... and its tiers agree"
    is "$(head -n 1 "$work/pool/cache/proxtier.format")" "format 1" "the folder has format 1 from then on"
    is "$(head -n 1 "$work/pool/cache/proxtier.record")" "proxtier-record 1" "... and so has its record"
    ok_grep 'proxtier-record 1$' "$work/pool/proxtier.db" "... and that in the database"
    # What another process has open keeps its format.
    rm -rf "$work/pool"
    cp -R "$version/pool" "$work/pool"
    chmod -R u+rwX,go= "$work/pool"
    before=$(head -n 1 "$work/pool/cache/proxtier.format")
    (
        flock -s 9
        run --state-dir "$work/pool" list --reveal
        [ "$code" -eq 0 ] && [ "$(printf '%s\n' "$out" | sort)" = "$(cat "$version/expected")" ]
    ) 9<"$work/pool/cache/proxtier.format"
    ok $? "a folder that another process has open is served"
    is "$(head -n 1 "$work/pool/cache/proxtier.format")" "$before" "... and keeps its format meanwhile"
done
[ "$tests_run" -gt 10 ]
ok $? "there are versions before"
done_testing
