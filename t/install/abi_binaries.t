#!/bin/sh
# Plugins that were built against each released ABI, kept as they were: they load, keep their promises, and serve. Their sources are
# beside them; they are never built again.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}"
serves() { # FOLDER ABI
    # A checkout may be writable by a group; plugins may not.
    rm -rf "$work/kept"
    mkdir "$work/kept"
    cp "$1"/*.so "$work/kept/"
    chmod 755 "$work" "$work/kept" "$work/kept"/*.so
    for plugin in table sieve lfu gcm; do
        run plugin test "$work/kept/$plugin.so"
        is "$code" 0 "$plugin, built against ABI $2, keeps its promises"
        like "$out" "ABI $2" "... and says what it was built against"
    done
    # A policy without an order, which the table takes, and one with an order, which the database follows.
    printf 'plugin_dirs: [%s]\nencryptor: {plugin: gcm}\ntiers: [{plugin: table, max_entries: 9, eviction: sieve}, %s]\n' \
        "$work/kept" "{plugin: l3_sqlite, path: '$work/$2.db', max_entries: 500, eviction: lfu}" >"$work/kept.yaml"
    run -c "$work/kept.yaml" warm "$abs_top_srcdir/examples/proxies.txt"
    like "$out" '^loaded 400,' "they serve in a chain"
    run -c "$work/kept.yaml" put http://ann:s3cret@192.0.2.1:80
    run -c "$work/kept.yaml" get --reveal "$out"
    is "$out" 'http://ann:s3cret@192.0.2.1:80' "... with credentials"
}
if ! grep -q -e '-fsanitize=' "$abs_top_builddir/Makefile"; then
    for kept in "$abs_top_srcdir"/t/install/abi/*/"$($TEST_CC -dumpmachine)"/; do
        [ -d "$kept" ] || continue
        abi=${kept%/*/}
        serves "$kept" "${abi##*/}"
    done
fi
[ "$tests_run" -gt 0 ] || skip "kept binaries are of another machine, or this build has a sanitizer"
done_testing
