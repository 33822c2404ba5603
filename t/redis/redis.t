#!/bin/sh
# The tier redis: the conformance suite; what it says of its server; what others find there; reports of two hosts.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if ! command -v redis-server >/dev/null || ! command -v redis-cli >/dev/null; then
    skip "redis-server is not installed"
    done_testing
fi
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
    server=
}
trap 'stop; rm -rf "$work"' EXIT
# start ARGUMENT...: a server with a socket and no port
start() {
    redis-server --port 0 --unixsocket "$work/socket" --dir "$work" --save '' "$@" >"$work/log" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        [ "$(cli ping 2>&1)" = PONG ] && return
        sleep 0.05
    done
}
cli() {
    redis-cli -s "$work/socket" "$@"
}

# suite NAME
suite() {
    run plugin test --options "socket=$work/socket" --second "socket=$work/socket,namespace=other" \
        --reset "redis-cli -s $work/socket flushall >/dev/null" redis
    is "$code" 0 "$1"
    printf '%s\n' "$out" | grep -A3 '^not ok' | sed 's/^/# /'
    like "$out" '^1\.\.1[0-9][0-9]' "with all its checks"
}
start --appendonly no
suite "the tier passes the conformance suite on a server that keeps nothing"
stop
start --appendonly yes --appendfsync everysec
suite "and on one that is durable"

cli flushall >"$work/out"
PXT_FAR_TIER="plugin: redis, socket: $work/socket" "$abs_top_builddir/t/chain/hosts_reports_test" >"$work/reports"
is $? 0 "reports of two hosts add up"
sed 's/^/# /' "$work/reports" | grep 'not ok'

cat >"$work/pool.yaml" <<EOF
encryptor: {plugin: plain}
tiers: [{plugin: l1_memory}, {plugin: redis, socket: $work/socket, namespace: pool}]
EOF
cli flushall >"$work/out"
run -c "$work/pool.yaml" put http://192.0.2.1:8080 --source list
is "$code" 0 "an entry is stored"
run -c "$work/pool.yaml" get
is "$out" http://192.0.2.1:8080 "and got"
key=$(run -c "$work/pool.yaml" list --json && printf '%s\n' "$out" | sed -n 's/.*"key": "\([^"]*\)".*/\1/p')
like "$(cli hget "proxtier:{pool}:e:$key" json)" '"proxy_url": "http://192.0.2.1:8080"' "others read it as JSON"
is "$(cli zcard 'proxtier:{pool}:ring')" 1 "the pool is a name space of the server"
sed 's/pool}/other}/' "$work/pool.yaml" >"$work/other.yaml"
run -c "$work/other.yaml" put http://192.0.2.2:8080
run -c "$work/other.yaml" list
is "$out" http://192.0.2.2:8080 "another name space has entries of its own"

sets() {
    for set in tag:a tag:b 'health:unknown&tag:b' tag:c source:list source:other; do
        printf '%s ' "$(cli zcard "proxtier:{pool}:by:$set")"
    done
}
with() {
    printf '[{"url": "http://192.0.2.1:8080", "source": "%s", "tags": "%s"}]' "$1" "$2" >"$work/with.json"
    run -c "$work/pool.yaml" warm "$work/with.json"
}
with list a,b
is "$(sets)" '1 1 1 0 1 0 ' "an entry is in the sets of its criteria"
with other b,c
is "$(sets)" '0 1 1 1 0 1 ' "a put moves it to those of the new ones"
run -c "$work/pool.yaml" report http://192.0.2.1:8080 ok
is "$(sets)" '0 1 0 1 0 1 ' "a report to those of the new health"
is "$(cli zcard 'proxtier:{pool}:by:health:healthy&tag:b')" 1 "with each criterion"

for _ in 1 2 3; do run -c "$work/pool.yaml" report http://192.0.2.1:8080 fail; done
run -c "$work/pool.yaml" list
is "$out" "" "what fails too often leaves the pool"
echo http://192.0.2.1:8080 >"$work/list"
run -c "$work/pool.yaml" warm "$work/list"
like "$out" 'loaded 0.* known as dead 1' "and is known as dead"
run -c "$work/pool.yaml" expire
run -c "$work/pool.yaml" stats
like "$out" '^known as dead: 1$' "expire forgets nothing"
run -c "$work/pool.yaml" put http://192.0.2.1:8080
is "$(cli zcard 'proxtier:{pool}:known')" 0 "a put brings it back"

run -c "$work/other.yaml" stats
like "$out" '(redis): on, 1 entries' "statistics count the name space"
run -c "$work/other.yaml" list --source list
is "$out" "" "a selection finds nothing of another one"
run -c "$work/other.yaml" clear --yes
run -c "$work/other.yaml" list
is "$out" "" "clear removes all of its name space"
run -c "$work/pool.yaml" list
is "$out" http://192.0.2.1:8080 "and nothing of another"

cli set 'proxtier:{pool}:layout' 99 >"$work/out"
run -c "$work/pool.yaml" list
like "$err" 'has the layout 99' "a pool of another layout is refused"
is "$(cli zcard 'proxtier:{pool}:ring')" 1 "and left as it is"
cli set 'proxtier:{pool}:layout' 1-rc >"$work/out"
run -c "$work/pool.yaml" get
is "$out" http://192.0.2.1:8080 "a pool of the candidate of this layout is used"
is "$(cli get 'proxtier:{pool}:layout')" 1 "and becomes one of this layout"

cli acl setuser worker on '>right' '~proxtier:*' '&proxtier:*' +@all -@admin -@dangerous +info >"$work/out"
printf right >"$work/password"
sed "s|namespace: pool|namespace: pool, user: worker, password: 'file:$work/password'|" "$work/pool.yaml" >"$work/acl.yaml"
chmod 600 "$work/password"
run -c "$work/acl.yaml" get
is "$out" http://192.0.2.1:8080 "a user with few rights suffices"
printf wrong >"$work/password"
run -c "$work/acl.yaml" get
like "$err" 'look at .user. and .password.' "a wrong password is told"
case $err in *wrong*) ok 1 "but not shown" ;; *) ok 0 "but not shown" ;; esac
stop

run -c "$work/pool.yaml" get
like "$err" 'is it running?' "a server that does not run is told"
done_testing
