#!/bin/sh
# A minor version of the ABI makes structs longer. Programs and plugins that were built with a shorter header, and with a
# longer one, run with this library. The headers are made here: a later minor, and one before this.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}"
abi=$abs_top_srcdir/t/install/abi
for age in shorter longer; do
    cp -R "$abs_top_srcdir/include" "$work/$age"
done
edit() { # AGE HEADER SED...: each expression has to find something
    header=$work/$1/proxtier/$2
    shift 2
    for expression; do
        cp "$header" "$work/before"
        sed -i "$expression" "$header"
        cmp -s "$work/before" "$header" && echo "Bail out! nothing in $header for $expression"
    done
}
end_of() { # STRUCT TEXT: the sed expression that adds a member at the end of a struct
    printf '/^struct %s {/,/^};/s/^};/    %s\\n};/' "$1" "$2"
}
edit longer plugin.h 's/^#define PXT_ABI_MINOR .*/#define PXT_ABI_MINOR 1/' "$(end_of pxt_option 'const char *later;')" \
    "$(end_of pxt_host 'void *later;')" "$(end_of pxt_plugin 'const void *later;')"
edit longer tier.h "$(end_of pxt_tier_ops 'void (*later)(void *self);')" "$(end_of pxt_touch 'uint64_t later;')" \
    "$(end_of pxt_tier_setup 'uint64_t later;')"
edit longer entry.h "$(end_of pxt_field 'const char *later;')"
edit longer stats.h "$(end_of pxt_tier_stats 'uint64_t later;')" 's/^    struct pxt_tier_stats tier\[/    uint64_t later_total;\n&/'
edit shorter tier.h '/(\*after_fork_child)(void \*self)/,/^};/{/^};/!d}' # all operations from there on
edit shorter stats.h 's/^    PXT_TIER_COUNTERS(X)/    uint64_t hits, misses, evictions_policy;/' \
    '/^    int64_t checkpoint;/d' '/^static inline uint64_t pxt_tier_evictions/,/^}/d'
build() { # AGE OUT SOURCE...
    age=$1
    object=$2
    shift 2
    $TEST_CC -I"$work/$age" -I"$abs_top_builddir/include" "$@" -o "$object" 2>"$work/build.log" || {
        sed 's/^/# /' "$work/build.log"
        return 1
    }
}

mkdir "$work/plugins"
chmod 755 "$work" "$work/plugins"
list=$abs_top_srcdir/examples/proxies.txt
for age in shorter longer; do
    more=$([ $age = longer ] && echo -DLONGER)
    build $age "$work/counted-$age" $more "$abi/counted.c" -L"$abs_top_builddir/.libs" -lproxtier
    ok $? "a program builds with a $age header"
    printf 'tiers: [{plugin: l1_memory, max_entries: 9}, {plugin: l3_sqlite}]\n' >"$work/counted.yaml"
    fresh
    out=$(LD_LIBRARY_PATH=$abs_top_builddir/.libs "$work/counted-$age" "$work/counted.yaml")
    is "$?" 0 "... and runs with this library"
    like "$out" '^tiers 2 hits 1 of l1, 1 in l2' "... each tier is where the program looks for it"
    like "$out" '^cache.l1.hits 1$' "... also to the library, for text"
    like "$out" '^cache.l2.evictions_policy 0$' "... with the counters that both know"
    if [ $age = longer ]; then
        like "$out" '^unknown to the library: 0 0' "... what the library does not count is 0"
    else
        is "$(printf '%s\n' "$out" | grep -c skipped)" 0 "... counters that the program does not know are left out"
    fi

    for plugin in table folder; do
        build $age "$work/plugins/$plugin.so" -shared -fPIC "$abs_top_srcdir/examples/$plugin.c"
        ok $? "the tier $plugin builds with a $age header"
        chmod go-w "$work/plugins/$plugin.so"
        run plugin test "$work/plugins/$plugin.so"
        is "$code" 0 "... and keeps its promises"
        printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
    done
    run plugin info "$work/plugins/table.so"
    like "$out" '^  help=length of the table' "... its table of options is read by its own length"
    fresh
    printf 'plugin_dirs: [%s]\ntiers: [{plugin: table, max_entries: 9, buckets: 7}, {plugin: folder, dir: %s}]\n' \
        "$work/plugins" "$work/store-$age" >"$work/chain.yaml"
    run -c "$work/chain.yaml" warm "$list"
    like "$out" '^loaded 400,' "they serve in a chain"
    is "$(ls "$work/store-$age" | grep -c json)" 400 "... with their options"
done

# A tier that stands on another one, each of another age.
pair() { # AGE OF THE UPPER, AGE OF THE LOWER
    more=$([ $1 = longer ] && echo -DLONGER)
    build $1 "$work/plugins/pair.so" -shared -fPIC $more "$abi/pair.c"
    build $2 "$work/plugins/table.so" -shared -fPIC "$abs_top_srcdir/examples/table.c"
    chmod go-w "$work/plugins"/*.so
    fresh
    printf 'plugin_dirs: [%s]\ntiers: [{plugin: pair, max_entries: 9}, {plugin: l3_sqlite}]\n' "$work/plugins" >"$work/pair.yaml"
    run -c "$work/pair.yaml" warm "$list"
    like "$out" '^loaded 400,' "a tier of a $1 header stands on one of a $2 header: $err"
}
pair longer shorter
pair shorter longer
done_testing
