#!/bin/sh
# The sources need nothing that only glibc has: they compile with the headers of musl, and what configure did not find there.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if ! command -v musl-gcc >/dev/null; then
    skip "musl-gcc (Debian: musl-tools) is not installed"
    done_testing
fi
# The headers of the libraries and of the kernel, without those of the C library beside them.
header() { printf '#include <%s>\n' "$1" | ${TEST_CC:-cc} -E - | sed -n "s|^# 1 \"\(/.*/$1\)\".*|\1|p" | head -n 1; }
mkdir "$work/headers"
for name in csv.h gcrypt.h gpg-error.h ltdl.h sqlite3.h yaml.h zconf.h zlib.h json-c/json.h linux/types.h asm/types.h \
    asm-generic/types.h; do
    file=$(header "$name")
    [ "$name" = "${name%/*}" ] || file=${file%/*}
    ln -s "$file" "$work/headers/${name%/*}"
done
ln -s "$(dirname "$(header ltdl.h)")/libltdl" "$work/headers/libltdl"
# What is built only where its library is, is left out where that is not.
absent=none
for optional in curl/curl.h:cli/checker hiredis/hiredis.h:plugins/tiers/redis lmdb.h:examples/lmdb \
    postgresql/libpq-fe.h:plugins/tiers/postgresql; do
    name=${optional%:*}
    file=$(header "$name" 2>/dev/null)
    if [ -z "$file" ]; then
        absent="$absent|${optional#*:}"
        continue
    fi
    [ "$name" = "${name%/*}" ] || file=${file%/*}
    ln -s "$file" "$work/headers/${name%/*}"
done

compile() { # FILE OPTION...
    musl-gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only -D_GNU_SOURCE -I"$abs_top_srcdir/include" -isystem "$work/headers" \
        -isystem "$work/headers/json-c" -isystem "$work/headers/postgresql" -DPXT_VERSION='"1"' -DPXT_PLUGINDIR='"/p"' -DPXT_SYSCONFDIR='"/e"' \
        -DLIBEXEC_DIR='"/l"' -DLIBEXEC_BELOW_PREFIX='"l"' "$@"
}
printf '#include <malloc.h>\nint main(void) { return mallinfo2().arena > 0; }\n' >"$work/glibc.c"
! compile "$work/glibc.c" 2>/dev/null
ok $? "the headers are not those of glibc"
cd "$abs_top_srcdir" || exit 1
find core -name '*.c' >"$work/core"
find cli -name '*.c' | grep -vE "^($absent)/" >"$work/cli"
find plugins examples -name '*.c' | grep -vE "^($absent)/" >"$work/plugins"
for part in core cli plugins; do
    while read -r file; do
        case $part in
        core) compile -Icore "$file" ;;
        cli) compile -Icore -Icli "$file" ;;
        plugins) compile -Iplugins/tiers/sqlite -Iplugins/tiers/far -Iplugins/eviction -Iexamples/lmdb "$file" ;;
        esac || echo "$file"
    done <"$work/$part" >"$work/said" 2>&1
    [ "$(wc -l <"$work/$part")" -gt 10 ]
    ok $? "the sources of $part are found"
    is "$(cat "$work/said")" "" "... and compile with musl"
done
done_testing
