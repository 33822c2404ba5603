#!/bin/sh
# Makes what abi_binaries.t and abi_is_kept.t compare with anew: plugins as they are built with the headers of now, and the
# descriptions of headers and library. For a candidate of the ABI (PXT_ABI_CANDIDATE is not 0) and for a new major only:
# what a release has is kept for good. Run it in the build tree, after make: ./run sh t/install/abi/keep.sh
set -e
: "${abs_top_builddir:?start this with ./run}" "${abs_top_srcdir:?}"
header=$abs_top_srcdir/include/proxtier/plugin.h
if grep -q '^#define PXT_ABI_CANDIDATE 0' "$header"; then
    echo "this ABI is released: what it has is kept as it is" >&2
    exit 1
fi
kept=$abs_top_srcdir/t/install/abi/1.0
machine=$kept/$(${CC:-gcc} -dumpmachine)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$abs_top_srcdir/examples/table.c" "$abs_top_srcdir/examples/gcm.c" "$abs_top_srcdir/plugins/eviction/sieve.c" \
    "$abs_top_srcdir/plugins/eviction/ring_list.h" "$kept/"
mkdir -p "$machine"
for plugin in table gcm sieve; do
    libraries=$([ $plugin = gcm ] && echo -lgcrypt) || :
    ${CC:-gcc} -O2 -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE -s -I"$abs_top_srcdir/include" "$kept/$plugin.c" \
        -o "$machine/$plugin.so" $libraries
done
${CC:-gcc} -g -shared -fPIC -I"$abs_top_srcdir/include" -I"$abs_top_builddir/include" \
    "$abs_top_srcdir/t/install/abi/witness.c" -o "$work/headers.so"
cp "$abs_top_builddir/.libs/libproxtier.so" "$work/"
for object in headers libproxtier; do
    abidw --headers-dir "$abs_top_srcdir/include" --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --out-file "$work/$object.abi" "$work/$object.so"
    gzip -9nc "$work/$object.abi" >"$machine/$object.abi.gz"
done
