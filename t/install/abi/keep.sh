#!/bin/sh
# Makes the folder t/install/abi/MAJOR.MINOR of the ABI of now: plugins as they are built with its headers, and the descriptions
# of headers and library. abi_binaries.t and abi_is_kept.t compare each later version with them. What is there of a released
# ABI (PXT_ABI_CANDIDATE is 0) is kept for good, and this program refuses to make it anew.
# Run it in the build tree, after make: ./run sh t/install/abi/keep.sh
set -e
: "${abs_top_builddir:?start this with ./run}" "${abs_top_srcdir:?}"
header=$abs_top_srcdir/include/proxtier/plugin.h
number() { sed -n "s/^#define PXT_ABI_$1 \([0-9]*\).*/\1/p" "$header"; }
kept=$abs_top_srcdir/t/install/abi/$(number MAJOR).$(number MINOR)
machine=$kept/$(${CC:-gcc} -dumpmachine)
if [ "$(number CANDIDATE)" = 0 ] && [ -d "$machine" ]; then
    echo "$machine is there, and its ABI is released: what it has is kept as it is" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$machine"
cp "$abs_top_srcdir/examples/table.c" "$abs_top_srcdir/examples/gcm.c" "$abs_top_srcdir/plugins/eviction/sieve.c" \
    "$abs_top_srcdir/plugins/eviction/lfu.c" "$abs_top_srcdir/plugins/eviction/ring_list.h" "$kept/"
for plugin in table gcm sieve lfu; do
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
    sed "s|path='$abs_top_srcdir/|path='|" "$work/$object.abi" | gzip -9nc >"$machine/$object.abi.gz"
done
