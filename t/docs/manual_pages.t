#!/bin/sh
# The manual is sound, names everything that there is, and its programs and configurations work.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
umask 077
man=$abs_top_srcdir/man
include=$abs_top_srcdir/include/proxtier
: "${TEST_CC:=${CC:-cc}}" "${TEST_CFLAGS:=-std=c11 -Wall -Wextra}"

# missing_in PAGE WORD...: prints the words that do not occur in the page
missing_in() {
    page=$1
    shift
    [ $# -gt 0 ] || echo 'no words: what lists them has changed'
    for word in "$@"; do
        grep -q -e "\\b$word\\b" "$page" || printf '%s ' "$word"
    done
}
# block PAGE N: the Nth literal block that begins with an #include, as C
block() {
    awk -v wanted="$2" '
        /^\.Ed/ { inside = 0 }
        inside { if (first && /^#include/) found++; first = 0; if (found == wanted) { print; printed = 1 } else if (printed) exit }
        /^\.Bd -literal/ { inside = 1; first = 1; if (printed) exit }' "$1" | sed 's/\\e/\\/g'
}

for page in "$man"/*.[0-9]; do
    if command -v mandoc >/dev/null; then
        is "$(mandoc -Tlint -Wwarning "$page" 2>&1 | grep -v -e 'outdated mandoc.db')" "" "${page##*/} is sound"
    else
        skip "mandoc is not installed"
    fi
done

# ---- functions ----
is "$(missing_in "$man/libproxtier.3" $(cd "$include" && grep -hoE '\bpxt_[a-z0-9_]+\(' cache.h entry.h error.h stats.h admin.h |
    tr -d '(' | sort -u))" "" "every function of the library is in libproxtier(3)"
is "$(missing_in "$man/libproxtier.3" $(sed -n 's/^ *X(\([A-Z0-9_]*\), "[a-z0-9_]*", .*/PXT_FIELD_\1/p' "$include/entry.h"))" "" \
    "every field is in libproxtier(3)"
is "$(missing_in "$man/libproxtier.3" $(sed -n 's/^ *X(\([A-Z_]*\), [0-9]*, [0-9]*, .*/PXT_\1/p' "$include/error.h"))" "" \
    "every status is in libproxtier(3)"
is "$(missing_in "$man/proxtier-plugin.3" $(sed -n 's/^ .*(\*\([a-z_]*\))(.*/\1/p' "$include/plugin.h"))" "" \
    "every service of the host is in proxtier-plugin(3)"
for kind in tier eviction encryptor; do
    is "$(missing_in "$man/proxtier-$kind.3" $(sed -n 's/^ .*(\*\([a-z_]*\))(.*/\1/p' "$include/$kind.h") \
        $(grep -ohE 'PXT_(TIER|GET)_[A-Z_]+' "$include/$kind.h"))" "" "every operation is in proxtier-$kind(3)"
done

# ---- options ----
run config show
is "$code" 0 "the configuration in effect"
is "$(missing_in "$man/proxtier.yaml.5" $(printf '%s\n' "$out" | sed -n 's/^[ -]*\([a-z_]*\):.*/\1/p' | sort -u))" "" \
    "every option of config show is in proxtier.yaml(5)"
is "$(missing_in "$man/proxtier.yaml.5" $(sed -n 's/^ *{"\([a-z_.]*\)", PXT_OPTION.*/\1/p' "$abs_top_srcdir/core/settings/core_options.c" |
    tr . _ | sed '/^name$/,$d' | tr a-z A-Z | sed 's/^/PROXTIER_/'))" "" "every variable for an option is in proxtier.yaml(5)"
for file in "$PROXTIER_PLUGIN_PATH"/*.so; do
    name=${file##*/}
    name=${name%.so}
    run plugin info "$name"
    is "$(missing_in "$man/proxtier.yaml.5" "$name" $(printf '%s\n' "$out" | sed -n 's/^option=//p'))" "" \
        "$name and its options are in proxtier.yaml(5)"
done
is "$(missing_in "$man/proxtier-import.5" $(sed -n 's/^ *{"\([a-z_]*\)", PXT_NAME.*/\1/p; s/.*, {"\([a-z_]*\)", PXT_NAME.*/\1/p' \
    "$abs_top_srcdir/core/lists/field_names.c") $(grep -v PXT_FIELD_INTERNAL "$include/entry.h" |
    grep -hoE 'X\([A-Z0-9_]+, "[a-z0-9_]+"' |
    sed 's/.*"\(.*\)"/\1/' | grep -v -e unknown -e healthy))" "" "every name of a member is in proxtier-import(5)"

# ---- what is in the pages works ----
# The checks that the page for authors names with each group of operations are checks of `proxtier plugin test`.
awk '/^\.S[hs]/ { on = /From the smallest tier/ }
    !/^\.Ql/ { checks = on && /^Checks:/ }
    checks && sub(/^\.Ql /, "") { sub(/ [,.;]$/, ""); print }' "$man/proxtier-plugin.3" >"$work/checks"
is "$(while read -r text; do grep -qF "$text" "$abs_top_srcdir"/cli/conformance/*.c || echo "$text"; done <"$work/checks")" "" \
    "the checks that proxtier-plugin(3) names are there"
[ "$(wc -l <"$work/checks")" -gt 10 ]
ok $? "... for each group of operations"

block "$man/libproxtier.3" 1 >"$work/program.c"
# shellcheck disable=SC2086
$TEST_CC $TEST_CFLAGS -I"$abs_top_srcdir/include" -Werror "$work/program.c" -o "$work/program" \
    -L"$abs_top_builddir/.libs" -lproxtier 2>"$work/err"
ok $? "the program of libproxtier(3) compiles"
sed 's/^/# /' "$work/err"
is "$(LD_LIBRARY_PATH=$abs_top_builddir/.libs "$work/program" 2>&1)" \
    "$(awk '/^It prints/ { on = 1; next } on && /^\.Ed/ { exit } on && !/^\./' "$man/libproxtier.3")" "it prints what the page says"

# plugin PAGE N NAME
plugin() {
    block "$man/$1" "$2" >"$work/$3.c"
    # shellcheck disable=SC2086
    $TEST_CC $TEST_CFLAGS -I"$abs_top_srcdir/include" -Werror -shared -fPIC "$work/$3.c" -o "$work/$3.so" 2>"$work/err"
    ok $? "the plugin $3 of $1 compiles"
    sed 's/^/# /' "$work/err"
    run plugin info "$work/$3.so"
    is "$code" 0 "it is a plugin"
}
plugin proxtier-plugin.3 1 forgetful
plugin proxtier-plugin.3 2 shelf
plugin proxtier-eviction.3 1 lifo

# fragment PAGE FUNCTION: compiles the literal block that begins with this function, after what is on standard input
fragment() {
    cat >"$work/fragment.c"
    awk -v wanted="$2(" '/^\.Ed/ { inside = printing = 0 }
        inside && first { first = 0; printing = index($0, wanted) }
        printing { print }
        /^\.Bd -literal/ { inside = first = 1 }' "$man/$1" | sed 's/\\e/\\/g' >>"$work/fragment.c"
    like "$(cat "$work/fragment.c")" "$2(" "$1 has the function $2"
    # shellcheck disable=SC2086
    $TEST_CC $TEST_CFLAGS -U_GNU_SOURCE -I"$abs_top_srcdir/include" -Wno-unused-function -Werror -c "$work/fragment.c" -o "$work/fragment.o" 2>"$work/err"
    ok $? "... which compiles"
    sed 's/^/# /' "$work/err"
}
fragment proxtier-tier.3 box_get <<END
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <proxtier/tier.h>
#include <unistd.h>
enum { NAME_SIZE = 300 };
struct box {
    const struct pxt_host *host;
    int folder_fd;
    uint64_t corruptions;
};
void file_name(const struct pxt_key *key, char *name);
void put_aside(struct box *box, const char *name);
END
fragment proxtier-encryptor.3 plain_token_size <<END
#include <proxtier/encryptor.h>
#include <string.h>
pxt_status plain_open(const struct pxt_host *host, const struct pxt_settings *settings, void **self, struct pxt_error *error);
void plain_close(void *self);
END
cat >"$work/own.yaml" <<END
plugin_dirs: [$work]
tiers:
  - {plugin: shelf, label: front, max_entries: 2, eviction: lifo}
  - {plugin: forgetful}
  - {plugin: l3_sqlite}
END
printf 'h:1\nh:2\nh:3\n' >"$work/list"
run --config "$work/own.yaml" warm "$work/list"
like "$out" '^loaded 3, ' "they work together"
run --config "$work/own.yaml" get --tier http://h:2
is "$code" 0 "and give back what they were given"

awk -v place="$work" '/^\.Sh/ { on = /EXAMPLES|BUILT-IN/ } /^\.Ed/ { inside = 0 } inside { print >(place "/example" n ".yaml") }
    on && /^\.Bd/ { inside = 1; n++ }' "$man/proxtier.yaml.5"
for file in "$work"/example*.yaml; do
    sed 's/{plugin: mine, size: 64KiB}/lru/' "$file" >"$work/checked.yaml"
    run --quiet --config "$work/checked.yaml" config check
    is "$code$err" 0 "${file##*/} of proxtier.yaml(5) is a good configuration"
done
done_testing
