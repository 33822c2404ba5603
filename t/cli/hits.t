#!/bin/sh
# A process that only counts hits, as `proxtier get` does, neither begins nor moves the log of the database, which is what has to be
# synced: its hits wait in the log, which does not grow without end, and other processes see them.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/c.yaml" <<EOF
tiers:
  - {plugin: l1_memory}
  - {plugin: l3_sqlite, path: $work/db/p.db}
EOF
at() {
    run --config "$work/c.yaml" "$@"
}
hits() {
    at show --json "$key"
    printf '%s\n' "$out" | sed -n 's/.*"access_count": \([0-9]*\).*/\1/p'
}
pages() {
    echo $(($(wc -c <"$work/db/p.db-wal") / 4096))
}
mkdir -m 700 "$work/db"
at put http://192.0.2.1:80
key=$out
at get "$key"
[ -s "$work/db/p.db-wal" ]
ok $? "a get leaves its hit in the log"
is "$(hits)" 1 "another process sees it"
at get "$key"
log=$(ls -i "$work/db/p.db-wal")
cp "$work/db/p.db" "$work/before"
at get "$key"
cmp -s "$work/db/p.db" "$work/before"
ok $? "the next get does not move the log into the database"
is "$(ls -i "$work/db/p.db-wal")" "$log" "nor begins another one"
most=0
for i in $(seq 100); do
    at get "$key"
    [ ! -f "$work/db/p.db-wal" ] || [ "$(pages)" -le "$most" ] || most=$(pages)
done
[ "$most" -le 110 ]
ok $? "the log does not grow without end: $most pages"
is "$(hits)" 103 "no hit is lost"
at put http://192.0.2.2:80
[ ! -s "$work/db/p.db-wal" ]
ok $? "a put moves the log into the database when it ends"
is "$(hits)" 103 "with the hits"
done_testing
