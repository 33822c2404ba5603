#!/bin/sh
# ProxyWhirl's TOML becomes a configuration that opens the same files.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/config.toml" <<'TOML'
# ProxyWhirl
timeout = 30
rotation_strategy = "round-robin"   # not of the cache
cache_enabled = true
cache_l1_max_entries = 1_234
cache_l2_max_entries = 99
cache_l3_max_entries = 0
cache_default_ttl = 7200
cache_l2_dir = "it's/\u00e9"
cache_encryption_key_env = 'MY_KEY'
cache_health_invalidation = false
headers = { "User-Agent" = "x # y", n = [1, 2,
  3] }
text = """
a "quoted" \
   line"""

[[sources]]
url = "http://192.0.2.1/"
TOML
cd "$work" || exit 1
run config import config.toml
is "$code" 0 "a configuration is made"
printf '%s\n' "$out" >"$work/got.yaml"
cat >"$work/want.yaml" <<YAML
# From ProxyWhirl's configuration, by \`proxtier config import\`.
default_ttl: 7200s
cleanup: {background: true, interval: 60s}
health: {invalidate: false, failure_threshold: 3}
encryptor:
  plugin: fernet
  key_env: 'MY_KEY'
tiers:
  - name: l1
    plugin: l1_memory
    eviction: lru
    max_entries: 1234
  - name: l2
    plugin: l2_jsonl
    compatible: proxywhirl
    eviction: fifo
    dir: '$work/it''s/é'
    max_entries: 99
  - name: l3
    plugin: l3_sqlite
    compatible: proxywhirl
    path: '$work/.cache/db/proxywhirl.db'
YAML
is "$(cat "$work/got.yaml")" "$(cat "$work/want.yaml")" "... of its values, and ProxyWhirl's defaults"
for name in timeout rotation_strategy headers text sources.url; do
    like "$err" "config.toml:[0-9]*: $name is not of the cache: not taken over" "$name is named"
done
like "$err" 'config.toml:19: sources.url' "... with its line"
is "$(echo "$err" | grep -c cache_)" 0 "... and no key of the cache is"
run -c "$work/got.yaml" config check
is "$code" 0 "proxtier takes the configuration"
cat >"$work/pyproject.toml" <<'TOML'
[project]
name = "x"
[tool.other]
cache_l1_max_entries = "none of ours"
[tool.proxywhirl]
cache_l1_max_entries = 7
TOML
run config import "$work/pyproject.toml"
like "$out" '^    max_entries: 7$' "a table of a pyproject.toml"
is "$err" "" "... and no other table"
# refuses TOML PATTERN NAME
refuses() {
    printf '%s\n' "$1" >"$work/bad.toml"
    run config import "$work/bad.toml"
    is "$code$out" 65 "$3"
    like "$err" "$2" "... $2"
}
refuses 'cache_default_ttl = "1h"' 'bad.toml:1: cache_default_ttl must be a whole number' "a text for a number"
refuses 'cache_default_ttl = 5' 'a value of .*bad.toml has no place here: .*default_ttl' "a value beyond the bounds"
refuses 'x = "a' 'bad.toml:1: malformed TOML: a text has no end' "a text without end"
refuses '

x = [1 2]' 'bad.toml:3: malformed TOML: a comma' "an array without comma"
refuses 'x' 'bad.toml:1: malformed TOML: key = value is expected' "a key alone"
refuses '[a' 'malformed TOML: the bracket of a table is not closed' "an open header"
refuses "x = $(head -c 40 /dev/zero | tr '\0' '[')" 'nesting is too deep' "deep nesting"
run config import "$work/nothing.toml"
is "$code" 66 "a file that is not there"
run config import
is "$code" 64 "import without a file"
run config check "$work/got.yaml"
is "$code" 64 "check has no argument"
done_testing
