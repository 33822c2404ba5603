#!/bin/sh
# migrate copies all entries of another configuration, with credentials and health; what is newer stays.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/old.yaml" <<END
encryptor: {plugin: fernet, auto_key_file: $work/old.key}
tiers: [{plugin: l2_jsonl, dir: $work/old, max_entries: 100}, {plugin: l3_sqlite, path: $work/old/x.db}]
END
cat >"$work/new.yaml" <<END
encryptor: {plugin: fernet, auto_key_file: $work/new.key}
tiers: [{plugin: l2_sqlite, dir: $work/new, max_entries: 200}, {plugin: l3_sqlite, path: $work/new/x.db}]
END
at() { # old|new ARGUMENT...
    chain=$1
    shift
    run -q --config "$work/$chain.yaml" "$@"
}
at old warm "$abs_top_srcdir/examples/proxies.txt"
at old put http://alice:secret@192.0.2.7:8080
at old report http://alice@192.0.2.7:8080 ok --latency 12
at old put http://192.0.2.8:80
at old delete http://192.0.2.8:80
at new put --source here http://192.0.2.9:80
at old put --source there http://192.0.2.10:80
at new put --source here http://192.0.2.10:80
at old list
before=$out

at new migrate
is "$code" 64 "the old configuration has to be named"
at new migrate --from "$work/old.yaml"
is "$code $out" "0 copied 401" "all are copied, but the one that is newer here"
at new list
is "$code $(echo "$out" | grep -c .)" "0 403" "... beside those that were there"
at new list --reveal
like "$out" "^http://alice:secret@192.0.2.7:8080$" "... credentials open with the new key"
at new show http://alice@192.0.2.7:8080
like "$out" "^health_status  *healthy" "... what was learnt is known"
like "$out" "^total_health_checks  *1$" "... with its counts"
at new show http://192.0.2.10:80
like "$out" "^source  *here" "... the newer put stays"
at new get http://192.0.2.8:80
is "$code" 1 "... what was deleted is not copied"
at new status
is "$code" 0 "... and all is well"
at old list
is "$out" "$before" "the old configuration is as it was"
at new migrate --from "$work/old.yaml"
is "$out" "copied 0" "a second time copies nothing"
at old report http://alice@192.0.2.7:8080 fail --reason timeout
at new migrate --from "$work/old.yaml"
is "$out" "copied 1" "... but what has changed since"
at new show http://alice@192.0.2.7:8080
like "$out" "^last_health_error  *timeout" "... with the news"

# Credentials that cannot be opened.
rm "$work/old.key"
at new delete http://alice@192.0.2.7:8080
at new migrate --from "$work/old.yaml"
is "$code" 77 "without the old key it says so"
at new get http://alice@192.0.2.7:8080
is "$code" 1 "... and stores nothing that nobody can open"
done_testing
