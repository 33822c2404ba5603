#!/bin/sh
# exec runs a program that finds a proxy in its environment.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
PROXTIER_UNDER_TEST=$PROXTIER
export PROXTIER_UNDER_TEST
echo 'p@ss:w/d' >"$work/password"
run put --username bob --password-file "$work/password" http://192.0.2.2:8080
key=$out
url='http://bob:p%40ss%3Aw%2Fd@192.0.2.2:8080'

HTTP_PROXY=http://old.example:1 NO_PROXY=localhost,10.0.0.0/8 no_proxy=upper.example "$PROXTIER" exec -- env >"$work/env"
is $? 0 "exec runs a program"
for name in http_proxy HTTP_PROXY https_proxy HTTPS_PROXY ftp_proxy FTP_PROXY all_proxy ALL_PROXY; do
    is "$(grep -c "^$name=" "$work/env") $(sed -n "s/^$name=//p" "$work/env")" "1 $url" "$name has the proxy, once"
done
is "$(sed -n 's/^NO_PROXY=//p' "$work/env")" localhost,10.0.0.0/8 "NO_PROXY stays as it was"
is "$(sed -n 's/^no_proxy=//p' "$work/env")" upper.example "and no_proxy"

# The keys of the pool are not the program's.
cat >"$work/named.yaml" <<END
encryptor: {plugin: fernet, key_env: MY_KEY}
END
made=$(cat "$work/.local/state/proxtier/fernet.key")
PROXYWHIRL_CACHE_ENCRYPTION_KEY=$made PROXYWHIRL_CACHE_KEY_PREVIOUS=$made OTHER=stays "$PROXTIER" exec -- env >"$work/env"
is $? 0 "exec with a key from the environment"
is "$(grep -c 'PROXYWHIRL_CACHE_\|^OTHER=' "$work/env") $(sed -n 's/^OTHER=//p' "$work/env")" "1 stays" \
    "the program does not get the keys, but the rest"
is "$(sed -n 's/^http_proxy=//p' "$work/env")" "$url" "... and the proxy"
MY_KEY=$made PROXYWHIRL_CACHE_ENCRYPTION_KEY=other "$PROXTIER" -c "$work/named.yaml" exec -- env >"$work/env"
is "$? $(grep -c '^MY_KEY=' "$work/env")" "0 0" "nor a variable that the configuration names"
is "$(grep -c '^PROXYWHIRL_CACHE_ENCRYPTION_KEY=other$' "$work/env")" 1 "one that it does not name is an ordinary one"

# What other users can see of the two processes.
run exec -- sh -c 'for process in $$ $PPID; do tr "\0" " " </proc/$process/cmdline; done'
is "$(printf '%s' "$out" | grep -c -e bob -e 'p%40ss')" 0 "no command line has the credentials"
outside=$(umask; ulimit -S -c; ulimit -H -c)
run exec -- sh -c 'umask; ulimit -S -c; ulimit -H -c'
is "$out" "$outside" "the program has the umask and the limits of the caller"
run exec printf '%s-%s\n' --ttl -n
is "$out" "--ttl--n" "options behind the program's name are its own"
echo text | "$PROXTIER" exec -- cat >"$work/cat"
is "$(cat "$work/cat")" text "it reads standard input"

run exec -- sh -c 'exit 3'
is "$code" 3 "the exit status is the program's"
run exec -- sh -c 'kill -9 $$'
is "$code" 137 "128 and the signal, if one ended it"
run exec -- "$work/no-such-program"
is "$code" 127 "127 if there is none"
like "$err" "cannot run $work/no-such-program" "with a message"
run exec -- "$work/password"
is "$code" 126 "126 if it is not a program"
run exec
is "$code" 64 "and 64 without any"
run leases
is "$out" "" "after each of them no lease is held"

# A signal that a process sends to exec goes on to the program.
mkfifo "$work/ready"
"$PROXTIER" exec -- sh -c 'trap "exit 9" TERM; echo >"$1"; while :; do sleep 0.1; done' sh "$work/ready" &
process=$!
read -r _ <"$work/ready"
kill -TERM "$process"
wait "$process"
is $? 9 "SIGTERM is passed on, and the program's answer is the exit status"
# A shell starts processes in the background with SIGINT ignored, and then no trap would see it.
if env --default-signal=INT true 2>/dev/null; then
    env --default-signal=INT "$PROXTIER" exec -- sh -c 'trap "exit 8" INT; echo >"$1"; while :; do sleep 0.1; done' sh \
        "$work/ready" &
    process=$!
    read -r _ <"$work/ready"
    kill -INT "$process"
    wait "$process"
    is $? 8 "and so is SIGINT"
else
    skip "env has no --default-signal"
fi

run exec --for me --max-concurrent 2 -- sh -c '"$PROXTIER_UNDER_TEST" leases'
like "$out" "^[0-9a-f]*-$key.*me\$" "the program runs under a lease"
run exec -- "$PROXTIER" lease
is "$code" 75 "so that another worker does not get the proxy"
run exec --ttl 3s -- sh -c 'sleep 5; "$PROXTIER_UNDER_TEST" leases'
like "$out" "-$key" "which is renewed as long as the program runs"
run exec --ttl 2s -- sh -c '"$PROXTIER_UNDER_TEST" release $("$PROXTIER_UNDER_TEST" leases | cut -f1); sleep 2; exit 5'
is "$code" 5 "if the lease is lost the program goes on"
like "$err" 'the lease was lost' "and a warning says so"

health() {
    "$PROXTIER" show "$key" | sed -n 's/^total_health_checks *\([0-9]*\).*/\1/p; s/^health_status *\([a-z]*\).*/\1/p' | tr '\n' ' '
}
is "$(health)" "unknown 0 " "without --report nothing is recorded"
run exec --report -- true
is "$(health)" "healthy 1 " "--report: exit status 0 is good"
run exec --report -- false
is "$(health)" "degraded 2 " "another one is a failure"
run exec --report -- sh -c 'kill -9 $$'
is "$(health)" "degraded 2 " "a signal says nothing of the proxy"
run exec --report -- "$work/no-such-program"
is "$(health)" "degraded 2 " "nor does a program that cannot run"
run exec --report --fail-on curl -- sh -c 'exit 22'
is "$code $(health)" "22 degraded 2 " "--fail-on curl: a page that is missing says nothing either"
run exec --report --fail-on curl -- true
is "$(health)" "healthy 3 " "0 is good"
run exec --report --fail-on 4,97 -- sh -c 'exit 97'
is "$(health)" "degraded 4 " "and a status of the list a failure"
run history "$key"
like "$out" 'exec: exit status 97' "whose reason is the status"
for list in '' 0 curls 1, 126 1,,2 -1; do
    run exec --report "--fail-on=$list" -- true
    is "$code" 64 "--fail-on \"$list\" is refused"
done
run exec --fail-on curl -- true
is "$code" 64 "--fail-on without --report too"

run lease
run exec -- touch "$work/was-run"
is "$code" 75 "if all proxies are leased: exit 75"
run exec --scheme socks5 -- touch "$work/was-run"
is "$code" 1 "if none matches: exit 1"
[ ! -e "$work/was-run" ]
ok $? "and the program is not run"

cat >"$work/jsonl.yaml" <<END
tiers: [{plugin: l2_jsonl, dir: $work/jsonl}]
END
run -c "$work/jsonl.yaml" put http://192.0.2.9:8080
run -c "$work/jsonl.yaml" exec -- true
is "$code" 69 "a chain that keeps no leases: exit 69"
like "$err" 'no-lease' "and a message that says how to run without"
run -c "$work/jsonl.yaml" exec --no-lease --report -- sh -c 'echo $http_proxy'
is "$code $out" "0 http://192.0.2.9:8080" "--no-lease runs the program"
done_testing
