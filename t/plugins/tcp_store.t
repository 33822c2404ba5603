#!/bin/sh
# The example tcp_store.c, a tier over a server: it keeps its promises, and a server that ends or hangs costs a call its timeout.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
: "${TEST_CC:=${CC:-cc}}" "${TEST_CFLAGS:=-std=c11 -Wall -Wextra}"
examples=$abs_top_srcdir/examples
bin=$work/bin
mkdir "$bin"
chmod 755 "$work" "$bin"
# shellcheck disable=SC2086
$TEST_CC $TEST_CFLAGS -D_GNU_SOURCE -Werror "$examples/tcp_server.c" -o "$bin/tcp_server" &&
    $TEST_CC $TEST_CFLAGS -D_GNU_SOURCE -I"$abs_top_srcdir/include" -Werror -shared -fPIC "$examples/tcp_store.c" -o "$bin/tcp_store.so"
ok $? "tier and server compile"

servers=
trap 'kill $servers 2>/dev/null; rm -rf "$work"' EXIT
# start NAME [PORT]: sets $server and $port
start() {
    rm -f "$work/$1.port"
    "$bin/tcp_server" "${2:-0}" >"$work/$1.port" 2>"$work/$1.err" &
    server=$!
    servers="$servers $server"
    tries=0
    while [ ! -s "$work/$1.port" ] && [ $tries -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    port=$(cat "$work/$1.port")
}
start second
second=$port
start first
clear="'$bin/tcp_server' --clear $port && '$bin/tcp_server' --clear $second"

run plugin test "$bin/tcp_store.so" --options "port=$port" --second "port=$second" --reset "$clear"
is "$code" 0 "it keeps its promises"
printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
like "$out" '^ok [0-9]* - two stores are two$' "... of two servers"
run plugin test "$bin/tcp_store.so" --options "port=$port" --second "port=$port" --reset "$clear" --check 'two stores'
is "$code" 1 "one server in place of two is told"

cat >"$work/chain.yaml" <<END
plugin_dirs: [$bin]
tiers:
  - {plugin: tcp_store, port: $port, timeout: 500ms}
  - {plugin: l3_sqlite, path: $work/l3.db}
END
chain() {
    run --config "$work/chain.yaml" "$@"
}
sh -c "$clear"
chain put http://192.0.2.1:80
key=$out
chain get "$key"
is "$code $out" "0 http://192.0.2.1:80" "an entry is put and got"
kill "$server"
wait "$server" 2>/dev/null
chain get "$key"
is "$code $out" "0 http://192.0.2.1:80" "with the server gone the slower tier answers"
chain put http://192.0.2.2:80
is "$code" 0 "... and takes what is put"
newer=$out
start first "$port"
chain expire
chain get "$newer"
is "$code $out" "0 http://192.0.2.2:80" "a server that was started anew is used again"
is "$(chain list; printf '%s\n' "$out" | sort | tr '\n' ' ')" "http://192.0.2.1:80 http://192.0.2.2:80 " "... with all entries"

kill -STOP "$server"
begun=$(date +%s)
chain get "$key"
is "$code $out" "0 http://192.0.2.1:80" "a server that hangs does not keep a get from its answer"
[ $(($(date +%s) - begun)) -lt 20 ]
ok $? "... which does not wait for the server much longer than the timeout of some calls"
kill -CONT "$server"
done_testing
