#!/bin/sh
# The JSON Schema of the configuration says of a file what `config check` says.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run config schema
is "$code" 0 "config schema"
printf '%s\n' "$out" >"$work/schema.json"
if ! python3 -c 'import jsonschema, yaml' 2>/dev/null; then
    skip "python3-jsonschema or python3-yaml is not installed"
    done_testing
fi
cat >"$work/verdict.py" <<'END'
import json, sys, jsonschema, yaml
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
errors = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(open(sys.argv[2]))))
print("bad" if errors else "good")
END
agree() { # NAME FILE VERDICT
    verdict=$(python3 "$work/verdict.py" "$work/schema.json" "$2" 2>&1 | tail -n 1)
    is "$verdict" "$3" "the schema finds $1 $3"
    run --config "$2" config check
    [ "$code" -eq 0 ] && verdict=good || verdict=bad
    is "$verdict" "$3" "... and so does config check"
}
for file in "$abs_top_srcdir"/etc/proxtier.yaml "$abs_top_srcdir"/etc/examples/*.yaml; do
    agree "${file#"$abs_top_srcdir"/}" "$file" good
done
run config show
printf '%s\n' "$out" >"$work/shown.yaml"
agree "what config show prints" "$work/shown.yaml" good
text() { # VERDICT YAML
    printf '%b\n' "$2" >"$work/text.yaml"
    agree "$2" "$work/text.yaml" "$1"
}
text good 'health:\n  history: 0\n  check_interval: 90'
text good 'default_ttl: null\nlock_timeout: 250ms'
text good 'encryptor: plain'
text good 'encryptor: {plugin: fernet, key_file: ~/key}'
text good 'source_ttl: {premium: 2h, free: 90}'
text good 'tiers: [{plugin: l1_memory, max_entries: unlimited, eviction: {plugin: sieve}}, {plugin: l3_sqlite, mmap: 1MiB}]'
text good 'tiers: [{plugin: l2_jsonl, sync: full, shards: 4, write_behind: false}]'
text bad 'defalt_ttl: 1h'
text bad 'default_ttl: soon'
text bad 'health: {histroy: 5}'
text bad 'health: {failure_threshold: 0}'
text bad 'tiers: []'
text bad 'tiers: [{name: l1}]'
text bad 'tiers: [{plugin: l1_memory, max_entires: 5}]'
text bad 'tiers: [{plugin: l1_memory, max_entries: many}]'
text bad 'tiers: [{plugin: l1_memory, dir: /tmp}]'
text bad 'tiers: [{plugin: l2_jsonl, shards: 257}]'
text bad 'tiers: [{plugin: l2_jsonl, sync: half}]'
text bad 'tiers: [{plugin: l3_sqlite, path: relative.db}]'
text bad 'encryptor: {plugin: fernet, kex_file: /x}'
text bad 'plugin_dirs: [relative]'

# ---- every option is there, also those of a plugin from elsewhere ----
cp "$abs_top_srcdir/examples/folder.c" "$work/"
mkdir "$work/plugins"
chmod 755 "$work" "$work/plugins"
# shellcheck disable=SC2086
${TEST_CC:-cc} ${TEST_CFLAGS:--I$abs_top_srcdir/include} -D_GNU_SOURCE -shared -fPIC -o "$work/plugins/folder.so" "$work/folder.c" 2>"$work/cc.log"
is "$?" 0 "a plugin of a third party is built" || sed 's/^/# /' "$work/cc.log"
PROXTIER_PLUGIN_PATH=$PROXTIER_PLUGIN_PATH:$work/plugins
run config schema
printf '%s\n' "$out" >"$work/schema.json"
"$PROXTIER" plugin list | sed 's/ .*//' | while read -r plugin; do
    "$PROXTIER" plugin info "$plugin" | sed -n "s/^option=/$plugin /p"
done >"$work/options"
cat >"$work/missing.py" <<'END'
import json, sys
schema = json.load(open(sys.argv[1]))
of = {}
def walk(node):
    if isinstance(node, dict):
        name = node.get("if", {}).get("properties", {}).get("plugin", {}).get("const")
        if name:
            of[name] = set(node["then"]["properties"])
        for child in node.values():
            walk(child)
    elif isinstance(node, list):
        for child in node:
            walk(child)
walk(schema)
lines = [line.split() for line in open(sys.argv[2])]
print(len([line for line in lines if line[1] not in of.get(line[0], ())]), "folder" in of, len(lines) > 20)
END
is "$(python3 "$work/missing.py" "$work/schema.json" "$work/options")" "0 True True" "the schema has each option of each plugin that is found"
done_testing
