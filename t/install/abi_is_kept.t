#!/bin/sh
# The library and the headers of plugins against what they were at ABI 1.0: nothing was removed or changed, structs that
# say their size have grown at their ends only. t/install/abi/1.0 has the description of then (abidw of libabigail); it is made
# anew, by t/install/abi/keep.sh, for a candidate of the ABI and for another major version, never for another change.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}"
kept=$abs_top_srcdir/t/install/abi/1.0/$($TEST_CC -dumpmachine)
library=$abs_top_builddir/.libs/libproxtier.so
describe() { # OBJECT OUT
    abidw --headers-dir "$abs_top_srcdir/include" --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --out-file "$2" "$1"
}
compare() { # NAME TITLE
    gunzip -c "$kept/$1.abi.gz" >"$work/$1.old"
    out=$(abidiff --no-added-syms --suppressions "$abs_top_srcdir/t/install/abi/grow.suppr" "$work/$1.old" "$work/$1.new" 2>&1)
    is "$?" 0 "$2"
    printf '%s\n' "$out" | sed 's/^/# /'
}
if ! command -v abidiff >/dev/null; then
    skip "abidiff (Debian: abigail-tools) is not installed"
elif [ ! -d "$kept" ] || grep -q -e '-fsanitize=' "$abs_top_builddir/Makefile" || ! readelf -S "$library" | grep -q debug_info; then
    skip "the description is of another machine, or this build has a sanitizer, or no debugging information"
else
    describe "$library" "$work/libproxtier.new"
    compare libproxtier "the library is what programs were linked with at 1.0, or more"
    $TEST_CC -g -shared -fPIC -I"$abs_top_srcdir/include" -I"$abs_top_builddir/include" \
        "$abs_top_srcdir/t/install/abi/witness.c" -o "$work/witness.so"
    describe "$work/witness.so" "$work/headers.new"
    compare headers "the headers are what plugins were built with at 1.0, or more"
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
