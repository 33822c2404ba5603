#!/bin/sh
# The library and the headers of plugins against what they were at each released ABI: nothing was removed or changed, structs
# that say their size have grown at their ends only. t/install/abi/1.0 has the description of that one (abidw of libabigail), as
# t/install/abi/keep.sh has made it; it is never made anew.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}"
machine=$($TEST_CC -dumpmachine)
library=$abs_top_builddir/.libs/libproxtier.so
describe() { # OBJECT OUT
    abidw --headers-dir "$abs_top_srcdir/include" --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --out-file "$2" "$1"
}
compare() { # ABI NAME TITLE
    gunzip -c "$abs_top_srcdir/t/install/abi/$1/$machine/$2.abi.gz" >"$work/$2.old"
    out=$(abidiff --no-added-syms --suppressions "$abs_top_srcdir/t/install/abi/grow.suppr" "$work/$2.old" "$work/$2.new" 2>&1)
    is "$?" 0 "$3"
    printf '%s\n' "$out" | sed 's/^/# /'
}
for header in tier eviction encryptor plugin; do
    for name in $(sed -n 's/^ .*(\*\([a-z_]*\))(.*/\1/p' "$abs_top_srcdir/include/proxtier/$header.h"); do
        grep -q "X($name)" "$abs_top_srcdir/t/install/abi/witness.c" || printf '# %s\n' "$name"
    done
done >"$work/forgotten"
is "$(cat "$work/forgotten")" "" "each operation and service is in the description of the headers"
if ! command -v abidiff >/dev/null; then
    skip "abidiff (Debian: abigail-tools) is not installed"
elif [ ! -d "$abs_top_srcdir/t/install/abi/1.0/$machine" ] || grep -q -e '-fsanitize=' "$abs_top_builddir/Makefile" || ! readelf -S "$library" | grep -q debug_info; then
    skip "the description is of another machine, or this build has a sanitizer, or no debugging information"
else
    describe "$library" "$work/libproxtier.new"
    $TEST_CC -g -shared -fPIC -I"$abs_top_srcdir/include" -I"$abs_top_builddir/include" \
        "$abs_top_srcdir/t/install/abi/witness.c" -o "$work/witness.so"
    describe "$work/witness.so" "$work/headers.new"
    for abi in "$abs_top_srcdir"/t/install/abi/*/"$machine"; do
        abi=${abi%/*}
        abi=${abi##*/}
        compare "$abi" libproxtier "the library is what programs were linked with at $abi, or more"
        compare "$abi" headers "the headers are what plugins were built with at $abi, or more"
    done
    # The comparison sees what it should: a field in the middle of a struct, and another argument in one that has grown.
    sees() { # HEADER SED TITLE BITS: a header, changed so
        rm -rf "$work/changed"
        cp -R "$abs_top_srcdir/include" "$work/changed"
        sed -i "$2" "$work/changed/proxtier/$1"
        $TEST_CC -g -shared -fPIC -I"$work/changed" -I"$abs_top_builddir/include" \
            "$abs_top_srcdir/t/install/abi/witness.c" -o "$work/changed.so"
        abidw --headers-dir "$work/changed" --drop-private-types --no-show-locs --no-corpus-path --no-comp-dir-path \
            --out-file "$work/changed.abi" "$work/changed.so"
        abidiff --no-added-syms --suppressions "$abs_top_srcdir/t/install/abi/grow.suppr" "$work/headers.old" \
            "$work/changed.abi" >/dev/null 2>&1
        is "$(($? & 4))" "$4" "$3"
    }
    sees tier.h 's/^    pxt_time last_accessed; .*/    int32_t inserted;\n&/' "a field that comes in the middle of a struct would be seen" 4
    grown='/^struct pxt_tier_ops {/,/^};/s/^};/    void (*one_more)(void *self);\n};/'
    sees tier.h "$grown" "a struct of operations may grow" 0
    sees stats.h 's/^    struct pxt_tier_stats tier\[/    uint64_t more;\n&/' "statistics may have more totals" 0
    sees stats.h 's/^    uint64_t missing; .*/    uint64_t more;\n&/' "... but not between the others" 4
    sees tier.h "$grown; s/\*removed, struct pxt_error \*error);/*removed, int more, struct pxt_error *error);/" \
        "another argument of an operation would be seen, also where the struct has grown" 4
fi
done_testing
