#!/bin/sh
# The tier postgresql: the conformance suite; what it says of its server; what others find there; reports of two hosts.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
control="$abs_top_srcdir/t/postgresql/server.sh"
if ! sh "$control" check; then
    skip "the server of PostgreSQL is not installed"
    done_testing
fi
server=
cluster=$(mktemp -d /tmp/proxtier-pg-XXXXXX)
stop() {
    [ -z "$server" ] || { kill -INT "$server" && wait "$server"; } 2>/dev/null
    server=
}
trap 'stop; rm -rf "$work" "$cluster"' EXIT
chmod 755 "$cluster"
# start OPTION...: the server with options of postgres
start() {
    sh "$control" run "$cluster/s" "$@" &
    server=$!
    sh "$control" wait "$cluster/s"
}
sql() {
    psql -h "$cluster/s" -U proxtier -d postgres -qAtc "$1" 2>&1
}
sh "$control" make "$cluster/s"
here="host=$cluster/s dbname=postgres"
start

# Between the checks the tables stay: to make them costs a second.
cat >"$work/reset" <<EOF
psql -h $cluster/s -U proxtier -d postgres -qc "DO 'BEGIN
IF to_regclass(''proxtier.proxtier_layout'') IS NOT NULL THEN
TRUNCATE proxtier.cache_entries,proxtier.health_history,proxtier.proxtier_tags,proxtier.proxtier_leases,proxtier.proxtier_record;
END IF; END'"
EOF
printf 'a long password' >"$work/password"
chmod 600 "$work/password"
run plugin test --options "conninfo=$here user=proxtier,password=file:$work/password" \
    --second "conninfo=$here user=proxtier,namespace=other" --reset "sh $work/reset" postgresql
is "$code" 0 "the tier passes the conformance suite"
printf '%s\n' "$out" | grep -A3 '^not ok' | sed 's/^/# /'
like "$out" '^1\.\.1[0-9][0-9]' "with all its checks"

sh "$work/reset"
PXT_FAR_TIER="plugin: postgresql, conninfo: '$here user=proxtier'" "$abs_top_builddir/t/chain/hosts_reports_test" >"$work/reports"
is $? 0 "reports of two hosts add up"
sed 's/^/# /' "$work/reports" | grep 'not ok'

# pool NAME OPTIONS: a configuration
pool() {
    printf 'encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory}, {plugin: postgresql, %s}]\n' "$2" >"$work/$1.yaml"
}
pool pool "conninfo: '$here user=proxtier', namespace: pool"
sh "$work/reset"
run -c "$work/pool.yaml" put http://192.0.2.1:8080 --source list
is "$code" 0 "an entry is stored"
run -c "$work/pool.yaml" get
is "$out" http://192.0.2.1:8080 "and got"
is "$(sql "SELECT proxy_url, source, health_status FROM proxtier.cache_entries WHERE namespace='pool' AND removed=0")" \
    'http://192.0.2.1:8080|list|unknown' "psql reads it"
pool other "conninfo: '$here user=proxtier', namespace: other"
run -c "$work/other.yaml" put http://192.0.2.2:8080
run -c "$work/other.yaml" list
is "$out" http://192.0.2.2:8080 "another name space has entries of its own"
run -c "$work/other.yaml" clear --yes
run -c "$work/pool.yaml" list
is "$out" http://192.0.2.1:8080 "clear empties one name space only"
run -c "$work/pool.yaml" delete http://192.0.2.1:8080
is "$(sql "SELECT count(*) FROM proxtier.cache_entries WHERE namespace='pool' AND removed<>0")" 1 "a delete leaves a tombstone"
run -c "$work/pool.yaml" put http://192.0.2.1:8080 --source list

pool tags "conninfo: '$here user=proxtier', namespace: tags"
tags() {
    sql "SELECT coalesce(string_agg(tag, ' ' ORDER BY tag), 'none') FROM proxtier.proxtier_tags WHERE namespace='tags'"
}
# tagged TAGS: a list with one proxy
tagged() {
    printf 'url,tags\nhttp://192.0.2.1:8080,"%s"\n' "$1" >"$work/tagged.csv"
    run -c "$work/tags.yaml" warm "$work/tagged.csv"
}
tagged a,b
is "$(tags)" "a b" "each tag of an entry has its row"
tagged b,c
is "$(tags)" "b c" "which follows the entry"
run -c "$work/tags.yaml" get --tag c
is "$out" http://192.0.2.1:8080 "so the entry is found by a tag"
run -c "$work/tags.yaml" delete http://192.0.2.1:8080
is "$(tags)" none "a tombstone has no tags"
# made ORDER: how many indexes of a source there are in an order
made() {
    sql "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'idx_select_source%$1'"
}
is "$(made used)" 0 "no index of a selection is made before it is needed"
run -c "$work/pool.yaml" get --source list --choose least-used
is "$out $(made used)" "http://192.0.2.1:8080 1" "a selection that needs one makes it"

sql "UPDATE proxtier.cache_entries SET fetch_time=NULL WHERE namespace='pool'"
run -c "$work/pool.yaml" list
is "$out" "" "a row that is no entry is not listed"
is "$(sql "SELECT count(*) FROM proxtier.cache_entries WHERE namespace='pool' AND removed=0")" 0 "and is removed"
run -c "$work/pool.yaml" put http://192.0.2.1:8080 --source list

sql 'UPDATE proxtier.proxtier_layout SET layout=99'
run -c "$work/pool.yaml" list
like "$err" 'has the layout 99' "a pool of a newer layout is refused"
is "$(sql 'SELECT layout FROM proxtier.proxtier_layout')" 99 "and left as it is"
sql 'UPDATE proxtier.proxtier_layout SET layout=1'

sql "CREATE ROLE worker LOGIN; GRANT USAGE ON SCHEMA proxtier TO worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA proxtier TO worker;
REVOKE INSERT, UPDATE, DELETE ON proxtier.proxtier_layout FROM worker"
pool worker "conninfo: '$here user=worker', namespace: pool"
run -c "$work/worker.yaml" get
is "$out" http://192.0.2.1:8080 "a role with few rights suffices"
run -c "$work/worker.yaml" get --source list --choose fastest
is "$out $(made fast)" "http://192.0.2.1:8080 0" "it chooses without an index that it may not make"
run -c "$work/worker.yaml" put http://192.0.2.7:8080
is "$code" 0 "also to put"
run -c "$work/worker.yaml" clear --yes
is "$code" 0 "and to clear"
pool create "conninfo: '$here user=worker', schema: elsewhere"
run -c "$work/create.yaml" get
like "$err" 'permission denied' "it cannot make a schema"

pool secret "conninfo: '$here user=proxtier password=hunter2hunter2'"
run -c "$work/secret.yaml" get
like "$err" 'it has a password' "a password in the connection string is refused"
case $err in *hunter2*) ok 1 "and not shown" ;; *) ok 0 "and not shown" ;; esac
sql "CREATE ROLE secretive LOGIN PASSWORD 'right right'"
printf 'host all all all scram-sha-256\nlocal all secretive scram-sha-256\nlocal all all trust\n' >"$cluster/s/data/pg_hba.conf"
sql 'SELECT pg_reload_conf()' >/dev/null
printf 'wrong wrong' >"$work/password"
pool scram "conninfo: '$here user=secretive', password: 'file:$work/password'"
run -c "$work/scram.yaml" get
like "$err" 'look at .conninfo. and .password.' "a wrong password is told"
case $err in *"wrong wrong"*) ok 1 "but not shown" ;; *) ok 0 "but not shown" ;; esac
printf 'right right' >"$work/password"
run -c "$work/scram.yaml" get
like "$err" 'permission denied' "with the right one it gets in"
printf '*:*:*:secretive:right right\n' >"$work/passfile"
chmod 600 "$work/passfile"
pool passfile "conninfo: '$here user=secretive passfile=$work/passfile'"
run -c "$work/passfile.yaml" get
like "$err" 'permission denied' "a passfile serves as well"
pool several "conninfo: 'host=$work,$cluster/s dbname=postgres user=proxtier', namespace: pool"
run -c "$work/several.yaml" put http://192.0.2.3:8080
is "$code" 0 "of several hosts the one that answers is taken"

# With a server of Redis between.
if command -v redis-server >/dev/null && "$PROXTIER" plugin info redis >/dev/null 2>&1; then
    redis-server --port 0 --unixsocket "$work/redis" --dir "$work" --save '' >"$work/redis.log" 2>&1 &
    redis=$!
    for _ in $(seq 200); do
        [ "$(redis-cli -s "$work/redis" ping 2>&1)" = PONG ] && break
        sleep 0.05
    done
    cat >"$work/both.yaml" <<EOF
encryptor: {plugin: plain}
tiers:
- {plugin: l1_memory}
- {plugin: redis, socket: $work/redis, required: false}
- {plugin: postgresql, conninfo: "$here user=proxtier", namespace: both}
EOF
    run -c "$work/both.yaml" put http://192.0.2.5:8080
    is "$code" 0 "a chain of memory, Redis and PostgreSQL takes an entry"
    is "$(redis-cli -s "$work/redis" zcard 'proxtier:{default}:ring') $(sql "SELECT count(*) FROM proxtier.cache_entries
WHERE namespace='both'")" '1 1' "both servers have it"
    redis-cli -s "$work/redis" flushall >/dev/null
    run -c "$work/both.yaml" get
    is "$out" http://192.0.2.5:8080 "what Redis has lost comes from PostgreSQL"
    kill "$redis" && wait "$redis"
    run -c "$work/both.yaml" list
    is "$out" http://192.0.2.5:8080 "without Redis the chain goes on"
else
    skip "redis-server is not installed"
fi
stop

run -c "$work/pool.yaml" get
like "$err" 'is it running?' "a server that does not run is told"
start -c synchronous_commit=off
run -c "$work/pool.yaml" put http://192.0.2.1:8080
like "$err" 'is no durable tier: it acknowledges what it has not written' "a server that acknowledges too early is told"
stop
start -c default_transaction_read_only=on
run -c "$work/pool.yaml" get
like "$err" 'read-only' "a server that takes no writes is told"
sh "$control" make "$cluster/primary"
sh "$control" run "$cluster/primary" &
primary=$!
sh "$control" wait "$cluster/primary"
pool standby "conninfo: 'host=$cluster/s,$cluster/primary dbname=postgres user=proxtier'"
run -c "$work/standby.yaml" put http://192.0.2.4:8080
is "$code" 0 "of two hosts the one that takes writes is used"
kill -INT "$primary" && wait "$primary"
stop
done_testing
