#!/bin/sh
# Databases that the program before versions made (fixtures/before_versions, commit 6a09ef4) are upgraded when they are
# opened, and nothing is lost: entries, credentials, health, history.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
made=$abs_top_srcdir/t/plugins/fixtures/before_versions
umask 077
mkdir "$work/db"
cp "$made/l2_cache.db" "$made/px.db" "$made/test.key" "$work/db/"
chmod 600 "$work/db/"*
for tier in l2 l3; do
    option="dir: $work/db"
    [ $tier = l2 ] || option="path: $work/db/px.db"
    cat >"$work/$tier.yaml" <<END
cleanup: {background: false}
encryptor: {plugin: fernet, key_file: $work/db/test.key}
tiers:
  - {name: $tier, plugin: ${tier}_sqlite, $option}
END
    # One of the four had 90 seconds to live: it may be exported or not.
    grep -v '192\.0\.2\.4' "$made/$tier.jsonl" | sort >"$work/want"
    run -c "$work/$tier.yaml" export "$work/$tier.jsonl"
    grep -v '192\.0\.2\.4' "$work/$tier.jsonl" | sort >"$work/got"
    cmp "$work/want" "$work/got"
    ok $? "$tier: the export is what the program exported that made it"
    run -c "$work/$tier.yaml" get --reveal own-key
    is "$out" "socks5://b%20o%20b:p%C3%A4ss@192.0.2.3:1080" "$tier: the credentials open"
    run -c "$work/$tier.yaml" put --key own-key --source new socks5://192.0.2.3:1080
    is "$code" 0 "$tier: a put replaces an entry of before"
    run -c "$work/$tier.yaml" delete 6ef0987d2a77f5a0
    is "$code" 0 "$tier: and a delete removes one"
done
run -c "$work/l3.yaml" history own-key
is "$out" "$(cat "$made/history")" "l3: the history is there"
done_testing
