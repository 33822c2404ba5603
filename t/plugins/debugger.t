#!/bin/sh
# A debugger sees plugins by their file names and finds their functions by name.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"

command -v gdb >/dev/null || {
    skip "no gdb here"
    done_testing
    exit
}
printf 'tiers:\n  - {name: l1, plugin: l1_memory}\n' >"$work/proxtier.yaml"
out=$(LD_LIBRARY_PATH=$abs_top_builddir/.libs timeout 60 gdb -nx -batch -ex 'set breakpoint pending on' \
    -ex 'set debuginfod enabled off' -ex 'break pxt_cache_close' -ex run -ex 'info sharedlibrary l1_memory' \
    -ex 'info address memory_get' --args "$abs_top_builddir/.libs/proxtier" --config "$work/proxtier.yaml" stats 2>&1)
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
