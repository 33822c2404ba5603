#!/bin/sh
# Configurations: where they come from, what is wrong with them and where.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run config check
is "$out" "built-in: ok" "without a file there is a built-in one"
for file in etc/proxtier.yaml etc/examples/l2-sqlite.yaml etc/examples/low-memory.yaml etc/examples/high-throughput.yaml; do
    run --config "$abs_top_srcdir/$file" config check
    is "$code" 0 "$file"
done
mkdir -p "$work/.config/proxtier"
echo 'default_ttl: 2h' >"$work/.config/proxtier/proxtier.yaml"
run config show --origin
like "$out" "^default_ttl: 2h  # $work/.config/proxtier/proxtier.yaml:1" "the user's file, with origins"
like "$out" "interval: 1m  # default" "defaults"
PROXTIER_DEFAULT_TTL=3h "$PROXTIER" config show | grep -q '^default_ttl: 3h'
ok $? "the environment overrides"
run config show
echo "$out" >"$work/shown.yaml"
run --config "$work/shown.yaml" config show
is "$(echo "$out" | tail -n +2)" "$(tail -n +2 "$work/shown.yaml")" "what is shown reads back to the same"
bad() { # YAML CODE PATTERN
    printf '%b\n' "$1" >"$work/bad.yaml"
    run --config "$work/bad.yaml" list
    is "$code" "$2" "$3: exit $2"
    like "$err" "$3" "$3"
}
bad 'defalt_ttl: 1h' 78 'bad.yaml:1:1: unknown option "defalt_ttl" of the configuration (did you mean "default_ttl"?)'
bad 'default_ttl: 5s' 78 'bad.yaml:1:14: 5s is out of bounds: default_ttl must be between 1m and'
bad 'default_ttl: soon' 78 'bad.yaml:1:14: default_ttl is "soon"'
bad 'health: {failure_treshold: 2}' 78 'bad.yaml:1:10: unknown option "health.failure_treshold"'
bad 'tiers: []' 78 'bad.yaml:1:8: tiers: a list of 1 to 8 tiers is expected'
bad 'tiers:\n  - {plugin: l1_memory, max_entires: 5}' 78 'bad.yaml:2:25: unknown option "max_entires" of l1_memory (did you mean "max_entries"?)'
bad 'tiers:\n  - {plugin: l1_memry}' 69 'bad.yaml:2:14: there is no plugin "l1_memry" (did you mean "l1_memory"?)'
bad 'tiers:\n  - {plugin: lru}' 69 'bad.yaml:2:14: plugin .*lru.so is a eviction policy, not a tier'
bad 'tiers:\n  - {plugin: l1_memory, eviction: mru}' 69 'bad.yaml:2:35: there is no plugin "mru"'
bad 'tiers:\n  - {plugin: l1_memory, max_entries: many}' 78 'bad.yaml:2:38: max_entries is "many": a whole number such as 1000, or unlimited is expected'
bad 'tiers:\n  - {plugin: l1_memory, name: a}\n  - {plugin: l1_memory, name: a}' 78 'bad.yaml:3:31: two tiers are named "a"'
bad 'a: &x 1' 78 'bad.yaml:1:4: anchors and tags are not supported'
bad 'tiers: [{plugin: l1_memory' 78 'bad.yaml:'
bad 'encryptor: rot13' 69 'bad.yaml:1:12: there is no plugin "rot13"'
bad "plugin_dirs: [$PROXTIER_REFUSED_PLUGINS]\ntiers: [{plugin: other_major}]" 69 'was built for plugin ABI 7'
bad "plugin_dirs: [$PROXTIER_REFUSED_PLUGINS]\ntiers: [{plugin: not_a_plugin}]" 69 'is not a plugin of proxtier'
run --config "$work/none.yaml" list
is "$code" 78 "a configuration that is not there"
done_testing
