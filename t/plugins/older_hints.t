#!/bin/sh
# Notes of the program before versions (6a09ef4) say which tier missed a removal. When the stores are taken over, what was
# removed stays away, and the notes are gone.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
made=$abs_top_srcdir/t/plugins/fixtures/before_versions
umask 077
key=6ef0987d2a77f5a0
# stores ENDING LINE...: fresh stores, and a file of notes
stores() {
    rm -rf "$work/db"
    mkdir "$work/db"
    cp "$made/px.db" "$made/test.key" "$work/db/"
    chmod 600 "$work/db/"*
    ending=$1
    shift
    printf "$@" >"$work/db/px.db.$ending"
}
l2="{name: l2, plugin: l2_jsonl, dir: $work/db/l2}"
l3="{name: l3, plugin: l3_sqlite, path: $work/db/px.db}"
head="encryptor: {plugin: fernet, key_file: $work/db/test.key}"
printf '%s\ntiers: [%s, %s]\n' "$head" "$l2" "$l3" >"$work/pair.yaml"
printf '%s\ntiers: [%s]\n' "$head" "$l3" >"$work/one.yaml"
has() { # CHAIN KEY: prints the exit code
    run -q -c "$work/$1.yaml" show "$2"
    echo "$code"
}
for chain in pair one; do
    for ending in missed hints; do
        stores $ending "x\tl3\t$key\nx\tl3\town-key\n-\tl3\town-key\n"
        is "$(has $chain $key)" 1 "$chain, $ending: what a tier did not remove is removed"
        is "$(has $chain own-key)" 0 "... but not what it did remove later"
        [ ! -e "$work/db/px.db.$ending" ]
        ok $? "... and the notes are gone"
    done
    stores missed "x\tl3\t$key\n=\tl3\nx\tl3\town-key"
    is "$(has $chain $key) $(has $chain own-key)" "0 0" "$chain: a tier that has caught up; a line that was cut off"
    stores missed "+\tl3\t$key\n"
    is "$(has $chain $key)" 0 "$chain: an entry stays that no other tier has newer"
    stores missed "x\tl3\t$key\nx\tgone\tother\n"
    is "$(has $chain $key)" 1 "$chain: notes on a tier that is not there"
    is "$(cat "$work/db/px.db.missed")" "$(printf 'x\tgone\tother')" "... are kept"
    run -q -c "$work/$chain.yaml" put --key $key http://192.0.2.1:80
    is "$(has $chain $key)" 0 "... the others count once"
done
done_testing
