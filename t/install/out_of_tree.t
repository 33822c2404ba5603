#!/bin/sh
# A third party has what `make install` installs, and nothing else: each example builds there without a warning, keeps its
# promises, is chosen by YAML, and does the main job.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
stage=$work/stage
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs this test
make -C "$abs_top_builddir" install DESTDIR="$stage" >"$work/install.log" 2>&1
is "$?" 0 "make install DESTDIR="
make_variable() { sed -n "s/^$1 = //p" "$abs_top_builddir/Makefile" | head -n 1; }
prefix=$(make_variable prefix)
sanitize=$(make_variable SANITIZE)
PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=$(dirname "$(find "$stage" -name proxtier-plugin.pc)")
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
docs=$(dirname "$(find "$stage" -name forgetful.c)")
mkdir "$work/plugins"
chmod 755 "$work" "$work/plugins"

# Plain make.
cp "$docs"/* "$work/plugins/" 2>/dev/null
cp -R "$docs/lmdb" "$work/plugins/"
make -C "$work/plugins" CFLAGS="-O2 -Wall -Wextra -Wshadow -Wconversion -Werror $sanitize" >"$work/make.log" 2>&1
is "$?" 0 "all examples build with plain make, without a warning" || sed 's/^/# /' "$work/make.log"
mkdir "$work/alone"
cp "$docs/Makefile" "$docs/table.c" "$work/alone/"
make -C "$work/alone" PLUGINS=table.so >"$work/make.log" 2>&1
is "$?" 0 "... and one builds alone, with the same Makefile" || sed 's/^/# /' "$work/make.log"
chmod go-w "$work/plugins"/*
lmdb=
if pkg-config --exists lmdb; then
    lmdb=lmdb
else
    skip "liblmdb is not installed"
fi
for plugin in arc table folder gcm sieve $lmdb; do
    run plugin test "$work/plugins/$plugin.so"
    is "$code" 0 "$plugin keeps its promises"
    printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
done

# Chosen by YAML, in the main job.
list=$abs_top_srcdir/examples/proxies.txt
for chain in '{plugin: table, max_entries: 50, eviction: sieve}, {plugin: folder}' \
    '{plugin: forgetful}, {plugin: l2_jsonl}' '{plugin: l1_memory, max_entries: 9, eviction: arc, shards: 1}, {plugin: l3_sqlite}' '{plugin: l1_memory, max_entries: 9, eviction: sieve, shards: 1}, {plugin: l3_sqlite}'; do
    fresh
    printf 'plugin_dirs: [%s]\nencryptor: {plugin: gcm}\ntiers: [%s]\n' "$work/plugins" "$chain" >"$work/chain.yaml"
    run -c "$work/chain.yaml" warm "$list"
    like "$out" '^loaded 400,' "a list goes into $chain"
    run -c "$work/chain.yaml" get --tier http://212.127.95.235:8081
    like "$out" '^http://212.127.95.235:8081.l2' "... and another process gets a proxy out of it"
    run -c "$work/chain.yaml" put http://ann:s3cret@192.0.2.1:80
    run -c "$work/chain.yaml" get --reveal "$out"
    is "$out" 'http://ann:s3cret@192.0.2.1:80' "... and a credential"
done

# Autotools, with proxtier.m4.
if command -v autoreconf >/dev/null && command -v libtoolize >/dev/null; then
    mkdir "$work/auto"
    cp "$docs"/autotools/* "$docs/table.c" "$work/auto/"
    (cd "$work/auto" && mkdir m4 && ACLOCAL_PATH=$(dirname "$(find "$stage" -name proxtier.m4)") autoreconf -i &&
        ./configure -q CFLAGS="-Wall -Wextra -Werror $sanitize" && make -s && make -s install DESTDIR="$work/auto-stage") >"$work/auto.log" 2>&1
    is "$?" 0 "table builds with autotools and PROXTIER_PLUGIN" || sed 's/^/# /' "$work/auto.log"
    built=$(find "$work/auto-stage" -name table.so)
    chmod -R go-w "$work/auto-stage"
    run plugin test "${built:-missing}"
    is "$code" 0 "... and keeps its promises"
    like "$built" "$prefix/lib.*/proxtier/table.so" "... where plugins are looked for"
else
    skip "autotools are not installed"
fi

# CMake, through pkg-config.
if command -v cmake >/dev/null; then
    mkdir "$work/cmake"
    cp "$docs/cmake/CMakeLists.txt" "$docs/table.c" "$work/cmake/"
    (cd "$work/cmake" && cmake -S . -B build -DCMAKE_C_FLAGS="-Wall -Wextra -Werror $sanitize" && cmake --build build) >"$work/cmake.log" 2>&1
    is "$?" 0 "table builds with CMake" || sed 's/^/# /' "$work/cmake.log"
    chmod -R go-w "$work/cmake"
    run plugin test "$work/cmake/build/table.so"
    is "$code" 0 "... and keeps its promises"
else
    skip "cmake is not installed"
fi
done_testing
