#!/bin/sh
# A debugger sees plugins by their file names and finds their functions by name.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"

command -v gdb >/dev/null || {
    skip "no gdb here"
    done_testing
    exit
}
# The command cannot be used: it makes itself undumpable, and gdb reads little of such a process but as root.
cat >"$work/program.c" <<'END'
#include <proxtier/proxtier.h>

int main(void)
{
    struct pxt_cache_options options = {.size = sizeof options, .config_text = "tiers: [{plugin: l1_memory}]"};
    pxt_cache *cache;
    if (pxt_cache_open(&options, &cache, NULL))
        return 1;
    pxt_cache_close(cache);
    return 0;
}
END
# shellcheck disable=SC2086
${TEST_CC:-cc} ${TEST_CFLAGS:--std=c11} -I"$abs_top_srcdir/include" "$work/program.c" -o "$work/program" -L"$abs_top_builddir/.libs" -lproxtier
ok $? "a program compiles"
out=$(LD_LIBRARY_PATH=$abs_top_builddir/.libs timeout 60 gdb -nx -batch -ex 'set breakpoint pending on' \
    -ex 'set debuginfod enabled off' -ex 'break pxt_cache_close' -ex run -ex 'info sharedlibrary l1_memory' \
    -ex 'info address memory_get' "$work/program" 2>&1)
case $out in
*'ptrace: Operation not permitted'* | *'Could not trace the inferior'*)
    skip "no ptrace here"
    done_testing
    exit
    ;;
esac
like "$out" '/l1_memory\.so' "the plugin's file has its name"
like "$out" '"memory_get" is ' "a function of the plugin is found"
done_testing
