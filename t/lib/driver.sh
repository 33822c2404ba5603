#!/bin/sh
# SPDX-License-Identifier: MIT
# driver.sh DRIVER ARGUMENT...: runs automake's TAP driver, and makes a test fail that skipped something for a reason which
# stands not in t/lib/skips: a check that is passed over unnoticed proves nothing.
driver=$1
shift
log='' trs='' name='' option=''
for argument; do
    case $option in
    --log-file) log=$argument ;;
    --trs-file) trs=$argument ;;
    --test-name) name=$argument ;;
    esac
    option=$argument
done
list=$(dirname "$0")/skips

# permitted REASON
permitted() {
    while read -r pattern; do
        case $pattern in '' | '#'*) continue ;; esac
        # shellcheck disable=SC2254 # the list has patterns
        case $1 in $pattern) return 0 ;; esac
    done <"$list"
    return 1
}

${SHELL:-/bin/sh} "$driver" "$@"
code=$?
[ -f "$log" ] && [ -f "$trs" ] || exit "$code"
sed -n 's/^\(ok\|1\.\.0\)\( .*\|\)# *[Ss][Kk][Ii][Pp]\(ped\|\)[: ]*//p' "$log" | sort -u | while IFS= read -r reason; do
    permitted "$reason" && continue
    sed 's/^:global-test-result: .*/:global-test-result: FAIL/; s/^:recheck: .*/:recheck: yes/
        s/^:copy-in-global-log: .*/:copy-in-global-log: yes/' "$trs" >"$trs.new" && mv "$trs.new" "$trs"
    echo ":test-result: FAIL" >>"$trs"
    echo "# t/lib/skips does not list this skip: $reason" >>"$log"
    echo "FAIL: $name - t/lib/skips does not list this skip: $reason"
done
exit "$code"
