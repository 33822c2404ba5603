#!/bin/sh
# The README's first screen does what it says: its commands run in one shell, with its list, and print what is printed there.
# The gateway of the list stands on loopback; that and a few words that differ each time are put in the README's form.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
command -v curl >/dev/null || { echo "1..0 # SKIP curl is not installed"; exit 0; }
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
gateway=gateway.example:8000
python3 "$abs_top_srcdir/t/docs/gateway.py" "$work/port" 2>"$work/gateway.log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
tries=0
until [ -s "$work/port" ] || [ $tries -gt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
loopback=127.0.0.1:$(cat "$work/port")
cd "$work" || exit 1
proxtier() { "$PROXTIER" "$@"; }

# Lines that begin with "$ " are commands, the others what they print; prose between blocks is neither.
sed -n '/<!-- the main job/,/^## /p' "$abs_top_srcdir/README.md" | sed -n '/^```console$/,/^```$/p' | grep -v '^```' >session
# The list that the README shows is the list that is loaded.
sed -n '/^\$ cat vendor\.txt$/,/^\$ proxtier/p' session | grep -v '^\$' | sed "s/^$gateway:/$loopback:/" >vendor.txt
tab=$(printf '\t')
as_printed() { sed -e "s/$loopback/$gateway/g" -e 's/ in [0-9.]* s$/ in N s/' -e "s/^[0-9a-f]\\{16\\}$tab/KEY$tab/"; }
check_step() { # COMMAND EXPECTED-FILE
    # Not in a subshell: later commands use the variables of earlier ones.
    eval "$1" >printed 2>said </dev/null
    ok $? "$1"
    is "$(as_printed <printed)" "$(as_printed <"$2")" "... prints what the README says"
    is "$(grep -v -e '^proxtier: notice: ' -e '^exported ' said)" "" "... and no error"
}
command=
while IFS= read -r line <&3; do
    case $line in
    '$ '*)
        [ -z "$command" ] || check_step "$command" expected
        command=${line#'$ '}
        : >expected
        ;;
    *) printf '%s\n' "$line" >>expected ;;
    esac
done 3<session
check_step "$command" expected
for word in warm 'get --choose round-robin' 'exec .*--report' lease release report 'list .*--country' stats 'export .*--format'; do
    grep -q "^\\\$ .*proxtier $word" session
    ok $? "the first screen has: $word"
done
is "$(wc -l <vendor.txt)" 3 "the list has three users"

# What makes a user's key necessary.
run report "http://$loopback" ok
is "$code" 64 "a URL that three users share names no proxy"
like "$err" 'name one by its key' "... and the message says what does"

# What the README says of -f: a page of the gateway's that says 407 is no success.
run put --source revoked "http://dan:old@$loopback"
revoked=$out
run exec --source revoked --report --fail-on curl -- curl -sf http://ip.example/
is "$code" 22 "a user whom the gateway does not let in is an error of curl -f"
run list --source revoked --show key,health_status
is "$out" "$revoked${tab}unknown" "... that exec does not record"
done_testing
