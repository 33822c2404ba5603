#!/bin/sh
# Words of the command line that are not known, or not whole, are errors that name the word which was meant; what was not found
# is told.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
# refused MESSAGE ARGUMENT...: exit 64, nothing on standard output, and a message
refused() {
    message=$1
    shift
    run "$@"
    is "$code/$out" 64/ "$*: refused"
    like "$err" "$message" "... with: $message"
}
run put http://192.0.2.1:8080
key=$out
refused 'unknown command "wram" (did you mean "warm"?)' wram list.txt
refused 'unknown command "expor" (did you mean "export"?)' help expor
refused 'unknown option --heathy (did you mean --healthy?)' list --heathy
refused 'unknown option --revea (did you mean --reveal?)' list --revea
refused 'unknown option --jso (did you mean --json?)' stats --jso
refused 'unknown option --conf (did you mean' --conf x.yaml list
refused 'unknown option --sourc (did you mean --source?)' list --sourc=x
refused 'unknown option -Z' list -Z
refused '.--json takes no value' list --json=yes
refused '.--source needs a value' list --source
refused '.--health "sick" is not one of unknown|healthy|degraded|unhealthy|dead' list --health sick
refused 'did you mean "degraded"?' list --health degradde
refused '.--scheme "htpp" is not one of .*did you mean "http"?' list --scheme htpp
refused '.--scheme "htpp" is not one of' get --scheme htpp
refused '.--default-scheme "sock5" is not one of .*did you mean "socks5"?' warm --default-scheme sock5 -
refused '.--log-level "debgu" is not one of .*did you mean "debug"?' --log-level debgu list
refused 'config: "chek" is not one of .*did you mean "check"?' config chek
refused 'config import needs a FILE' config import
refused 'plugin: "lst" is not one of .*did you mean "list"?' plugin lst
refused 'plugin needs list|info NAME|test NAME' plugin info
refused 'tier: "forgt" is not one of .*did you mean "forget"?' tier forgt l2
refused 'completion: "bas" is not one of bash|zsh|fish' completion bas
refused '.--json, --flat and --openmetrics are different formats' stats --json --flat
refused ".--count is for a get without a key" get -n 2 "$key"
run get --healt degraded
is "$code" 64 "an option is not taken for another one with a longer name"

run get 0000000000000000
for command in "delete 0000000000000000" "report 0000000000000000 ok" "show 0000000000000000" "history 0000000000000000"; do
    run $command
    is "$code/$out/$err" "1//proxtier: nothing is stored under 0000000000000000" "$command says what it did not find"
    run -q $command
    is "$code/$out/$err" 1// "... with -q it is silent"
done
run delete http://bob:hunter2@192.0.2.7:1 "$key"
is "$code/$err" "1/proxtier: nothing is stored under http://***@192.0.2.7:1" "no credential is told"
run list
is "$out" "" "the other argument is deleted"

# Three users of one gateway: the URL that get prints names none of them.
for user in alice bob carol; do
    run put "http://$user:pw@192.0.2.9:1000"
    eval "$user=\$out"
done
run report http://192.0.2.9:1000 ok
is "$code/$out" 64/ "a URL that several users have is no name"
for user in alice bob carol; do
    eval "wanted=\$$user"
    like "$err" "^  $wanted\$" "the key of $user is offered"
done
run report http://bob@192.0.2.9:1000 fail
is "$code/$out" 0/degraded "a user name says which"
run show "$bob"
like "$out" '^consecutive_health_failures  *1$' "that one it was"
run delete "$alice" "$carol"
url=$("$PROXTIER" get)
run report "$url" ok
is "$code/$out" 0/healthy "where one is left its URL is enough: get, then report"
run show "$url"
like "$out" "^key  *$bob\$" "show finds it, too"
run history "$url"
is "$code/$(echo "$out" | wc -l)" 0/2 "and history"
run delete "$url"
is "$code" 1 "delete does not guess"

for pair in health:health_status health_staus:health_status urls:url latency:latency_us; do
    run list --show "key,${pair%:*}"
    is "$code" 64 "--show with an unknown field: ${pair%:*}"
    like "$err" "\"${pair%:*}\" (did you mean \"${pair#*:}\"?)" "... names the one that was meant"
done
run list --show colour
like "$err" 'a field as `proxtier show` names it' "--show says where the names are"
run list --show "$(yes key | head -n 65 | paste -s -d ,)"
like "$err" 'takes 64 fields at most' "--show says how many it takes"
done_testing
