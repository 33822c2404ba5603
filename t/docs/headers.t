#!/bin/sh
# Every public header compiles on its own, as C11 and as C++17, without a warning.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
for header in "$abs_top_srcdir"/include/proxtier/*.h; do
    name=proxtier/${header##*/}
    printf '#include <%s>\nint main(void) { return 0; }\n' "$name" >"$work/x.c"
    cp "$work/x.c" "$work/x.cc"
    ${CC:-cc} -std=c11 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror -I"$abs_top_srcdir/include" \
        -fsyntax-only "$work/x.c" 2>"$work/err"
    ok $? "$name as C11"
    sed 's/^/# /' "$work/err"
    if command -v "${CXX:-c++}" >/dev/null; then
        ${CXX:-c++} -std=c++17 -Wall -Wextra -Werror -I"$abs_top_srcdir/include" -fsyntax-only "$work/x.cc" 2>"$work/err"
        ok $? "$name as C++17"
        sed 's/^/# /' "$work/err"
    else
        skip "no C++ compiler"
    fi
done
# What is in quotes has to lie beside the file, or in the folder that the tiers with a server share.
grep -rn '#include *"' "$abs_top_srcdir"/plugins | while IFS=: read -r file line include; do
    name=${include#*\"}
    name=${name%\"*}
    [ -f "$(dirname "$file")/$name" ] || [ -f "$abs_top_srcdir/plugins/tiers/far/$name" ] || echo "$file:$line: $include"
done >"$work/out"
[ ! -s "$work/out" ]
ok $? "plugins include <proxtier/...> and their own parts only"
exports=$(nm -D --defined-only "$abs_top_builddir/.libs/libproxtier.so" | awk '{print $3}' | grep -v -e '^pxt_' -e '^PROXTIER_' || :)
is "$exports" "" "the library exports pxt_ names only"
for plugin in "$abs_top_builddir"/plugins/.libs/*.so; do
    is "$(nm -D --defined-only "$plugin" | awk '{print $3}' | grep -v -e '^__' -e '^_' | tr '\n' ' ')" "pxt_plugin " "${plugin##*/} exports one symbol"
done
done_testing
