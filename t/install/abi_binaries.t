#!/bin/sh
# Plugins that were built against the first release of the ABI (or its candidate), kept as they were: they load, keep their promises, and
# serve. Their sources are beside them; they are never built again.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}"
kept=$abs_top_srcdir/t/install/abi/1.0/$($TEST_CC -dumpmachine)
if [ -d "$kept" ] && ! grep -q -e '-fsanitize=' "$abs_top_builddir/Makefile"; then
    # A checkout may be writable by a group; plugins may not.
    mkdir "$work/kept"
    cp "$kept"/*.so "$work/kept/"
    chmod 755 "$work" "$work/kept" "$work/kept"/*.so
    for plugin in table sieve gcm; do
        run plugin test "$work/kept/$plugin.so"
        is "$code" 0 "$plugin, built against ABI 1.0, keeps its promises"
        like "$out" 'ABI 1.0' "... and says what it was built against"
    done
    printf 'plugin_dirs: [%s]\nencryptor: {plugin: gcm}\ntiers: [{plugin: table, max_entries: 9, eviction: sieve}, {plugin: l3_sqlite}]\n' \
        "$work/kept" >"$work/kept.yaml"
    run -c "$work/kept.yaml" warm "$abs_top_srcdir/examples/proxies.txt"
    like "$out" '^loaded 400,' "they serve in a chain"
    run -c "$work/kept.yaml" put http://ann:s3cret@192.0.2.1:80
    run -c "$work/kept.yaml" get --reveal "$out"
    is "$out" 'http://ann:s3cret@192.0.2.1:80' "... with credentials"
else
    skip "kept binaries are of another machine, or this build has a sanitizer"
fi
done_testing
