#!/bin/sh
# --json of all commands: the members, their order and their types are those of proxtier(1).
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
seconds='"seconds": [0-9]*\.[0-9]\{3\}'
time='"2[0-9T:.-]*Z"'
# prints COMMAND PATTERN NAME: one whole line
prints() {
    lines=$(printf '%s\n' "$out" | wc -l)
    is "$code/$lines" "$1/1" "$3: one line"
    like "$out" "^{\"schema\": 1, $2}\$" "... with its members"
}
printf 'http://192.0.2.1:1\nhttp://192.0.2.1:1\nnonsense\n' >"$work/list"
run warm --json "$work/list"
prints 0 "\"loaded\": 1, \"updated\": 0, \"duplicate\": 1, \"refused\": 1, \"masked\": 0, \"known_dead\": 0, $seconds" warm
run put --json --key 'a"b' http://192.0.2.2:1
prints 0 '"key": "a\\"b"' put
run report --json 'a"b' fail --reason slow
prints 0 '"key": "a\\"b", "health": "degraded", "evicted": false' report
run history --json 'a"b'
prints 0 "\"time\": $time, \"health\": \"degraded\", \"latency_ms\": null, \"reason\": \"slow\", \"url\": null" history
run delete --json 'a"b' nobody
is "$code/$(echo "$out" | head -n 1)" '1/{"schema": 1, "key": "a\"b", "deleted": true}' "delete: a line for what there was"
is "$(echo "$out" | sed 1d)" '{"schema": 1, "key": "nobody", "deleted": false}' "... and one for what there was not"
run expire --json
prints 0 '"expired": 0' expire
mkdir -m 700 "$work/other"
PROXTIER_STATE_DIR=$work/other "$PROXTIER" put http://192.0.2.5:1 >/dev/null
cat >"$work/old.yaml" <<END
tiers: [{plugin: l3_sqlite, path: $work/other/proxtier.db}]
END
run migrate --json --from "$work/old.yaml"
prints 0 '"copied": 1' migrate
run clear --yes --json
prints 0 '"removed": 2' clear
run config check --json
prints 0 '"path": "built-in", "valid": true, "problem": null' "config check"
echo 'default_ttl: soon' >"$work/bad.yaml"
run --config "$work/bad.yaml" config check --json
prints 78 "\"path\": \"$work/bad.yaml\", \"valid\": false, \"problem\": \"$work/bad.yaml:1:.*\"" "config check of a wrong one"
run config schema --json
is "$code" 64 "config schema is JSON already"
printf 'health: {dead_for: 2h}\nsource_ttl: {"a \\"b": 5m}\n' >"$work/shown.yaml"
run --config "$work/shown.yaml" config show --json
is "$code $(echo "$out" | grep -cv '^{"schema": 1, "section": .*, "tier": .*, "name": ".*", "value": ".*", "origin": .*, "line": .*}$')" \
    "0 0" "config show: a line for each value"
like "$out" "^{\"schema\": 1, \"section\": \"health\", \"tier\": null, \"name\": \"dead_for\", \"value\": \"2h\", \"origin\": \"$work/shown.yaml\", \"line\": 1}\$" \
    "... of a file, with its line"
like "$out" '"section": null, "tier": null, "name": "default_ttl", "value": "1h", "origin": null, "line": null}$' "... a default"
like "$out" '"section": "source_ttl", "tier": null, "name": "a \\"b", "value": "300s"' "... a source"
like "$out" '"section": "tiers", "tier": "l2", "name": "max_entries", "value": "5000"' "... an option of a tier"
like "$out" '"section": "tiers", "tier": "l2", "name": "dir", "value": "/' "... and of its plugin"
is "$(echo "$out" | wc -l)" "$(run --config "$work/shown.yaml" config show --origin; echo "$out" | grep -c '  # ')" \
    "... as many as the YAML has"
cat >"$work/two.yaml" <<END
tiers: [{plugin: l2_jsonl, dir: $work/two}, {plugin: l3_sqlite, path: $work/two.db}]
END
cat >"$work/one.yaml" <<END
tiers: [{plugin: l3_sqlite, path: $work/two.db}]
END
run --config "$work/two.yaml" put http://192.0.2.1:1
run --config "$work/one.yaml" tier forget --json l1
prints 0 '"name": "l1", "doubted": [0-9]*, "alone": [0-9]*' "tier forget"
run put http://192.0.2.1:1
lease=$("$PROXTIER" lease --for me | cut -f 1)
run leases --json
prints 0 "\"lease\": \"$lease\", \"key\": \"${lease#*-}\", \"for\": \"me\", \"max_concurrent\": 1, \"until\": $time" leases
run renew --json "$lease"
prints 0 "\"lease\": \"$lease\", \"lost\": false" renew
run release --json "$lease" ok
prints 0 "\"lease\": \"$lease\", \"lost\": false, \"health\": \"healthy\", \"evicted\": false" release
run release --json "$lease"
prints 1 "\"lease\": \"$lease\", \"lost\": true, \"health\": null, \"evicted\": false" "release of a lost one"
# Files that are written and read.
fresh
printf 'http://u:p@192.0.2.1:1\nhttp://192.0.2.2:1\nsocks5://192.0.2.3:1\n' >"$work/list"
run warm "$work/list"
run export --json "$work/out.jsonl"
prints 0 "\"path\": \"$work/out.jsonl\", \"written\": 3, \"skipped\": 0, \"without_credentials\": 0" export
run export --json --format url "$work/out.url"
like "$out" '"written": 3, "skipped": 0, "without_credentials": 1}$' "export without --reveal"
run export --json --format haproxy --reveal "$work/out.haproxy"
is "$code $(echo "$out" | wc -l) $(echo "$out" | sed '$d' | grep -c '^{"schema": 1, "key": "[0-9a-f]\{16\}", "reason": ".*"}$')" "0 3 2" \
    "export: a line for each that was not carried"
like "$out" '"written": 1, "skipped": 2, "without_credentials": 0}$' "... and then the counts"
run export --json
is "$code" 64 "export to standard output has no place for them"
like "$err" "needs a FILE" "... and says so"
for _ in 1 2 3; do run report http://192.0.2.2:1 fail; done
run backup --json "$work/backup"
prints 0 "\"path\": \"$work/backup\", \"entries\": 2, \"checks\": 0, \"known_dead\": 1" backup
run backup --json -
is "$code" 64 "backup to standard output has no place for them"
run restore --json --dry-run "$work/backup"
prints 0 '"dry_run": true, "entries": 2, "checks": 0, "expired": 0, "kept": 0' "restore --dry-run"
fresh_keeps_key() { rm -rf "$work/.cache" "$work/.local/state/proxtier/"proxtier.*; }
fresh_keeps_key
run restore --json "$work/backup"
prints 0 '"dry_run": false, "entries": 2, "checks": 0, "expired": 0, "kept": 0' restore

# The manual has all that is printed here, and nothing else: its section is made from the same table.
for command in renew release leases warm put delete clear tier report check history expire migrate config export backup restore; do
    "$PROXTIER" help --man | sed -n '/^\.Sh JSON/,/^\.Sh/p' | grep -q "^\.It Cm $command\$"
    ok $? "the manual tells the members of $command"
    "$PROXTIER" "$command" --help | grep -q -e '--json '
    ok $? "... whose help has --json"
done
done_testing
