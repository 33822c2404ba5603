#!/bin/sh
# Configurations: where they come from, what is wrong with them and where.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run config check
is "$out" "built-in: ok" "without a file there is a built-in one"
for file in etc/proxtier.yaml etc/examples/l2-sqlite.yaml etc/examples/low-memory.yaml etc/examples/high-throughput.yaml; do
    run --config "$abs_top_srcdir/$file" config check
    is "$code" 0 "$file"
done
# The default of l1_memory's shards follows max_entries: a file that says the same would have to follow it too.
said=$(sed -n '/max_entries: \(100\|1000\),.*shards:/p' "$abs_top_srcdir/README.md" "$abs_top_srcdir"/etc/*.yaml "$abs_top_srcdir"/etc/examples/*.yaml)
is "$said$(grep '^ *shards:' "$abs_top_srcdir/etc/proxtier.yaml")" "" "the stock files leave shards to its default"
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
bad "tiers: [{plugin: l2_jsonl, dir: $work/pw, compatible: proxywhirl}, {plugin: l3_sqlite, path: $work/pw/x.db}]" 78 \
    'tier l1 has compatible: proxywhirl, but tier l2 has not'
bad "tiers: [{plugin: l2_jsonl, dir: $work/pw, compatible: proxywhirl}]\nencryptor: {plugin: plain}" 78 \
    'bad.yaml:2:12: tier l1 has compatible: proxywhirl, but ProxyWhirl cannot open credentials that are sealed by plain'
advised() { # TIERS PATTERN NAME
    echo "tiers: [$1]" >"$work/advised.yaml"
    run --config "$work/advised.yaml" config check
    is "$code" 0 "$3: the configuration is allowed"
    like "$err" "^proxtier: notice: config: $2" "... and a notice says what it means"
}
advised "{plugin: l2_sqlite, dir: $work/adv}, {plugin: l2_jsonl, dir: $work/adv, max_entries: 100}" \
    'tier l2 is the slowest that is durable, and has max_entries: 100: what it evicts is nowhere else' 'a slowest tier with a capacity'
advised "{plugin: l1_memory}, {plugin: l2_jsonl, dir: $work/adv, write_behind: true}" \
    'tier l2: write_behind does nothing' 'write_behind without a faster durable tier'
advised "{plugin: l1_memory}" 'no tier is durable' 'memory alone'
run --config "$abs_top_srcdir/etc/proxtier.yaml" config check
is "$err" "" "the stock chain gets no notice"
bad 'default_ttl: soon' 78 'bad.yaml:1:14: default_ttl is "soon"'
bad 'health: {failure_treshold: 2}' 78 'bad.yaml:1:10: unknown option "health.failure_treshold"'
bad 'tiers: []' 78 'bad.yaml:1:8: tiers: a list of 1 to 8 tiers is expected'
bad 'tiers:\n  - {plugin: l1_memory, max_entires: 5}' 78 'bad.yaml:2:25: unknown option "max_entires" of l1_memory (did you mean "max_entries"?)'
bad 'tiers:\n  - {plugin: l1_memry}' 69 'bad.yaml:2:14: there is no plugin "l1_memry" (did you mean "l1_memory"?)'
bad 'tiers:\n  - {plugin: lru}' 69 'bad.yaml:2:14: plugin .*lru.so is an eviction policy, not a tier'
bad 'tiers:\n  - {plugin: l1_memory, eviction: mru}' 69 'bad.yaml:2:35: there is no plugin "mru"'
bad 'tiers:\n  - {plugin: l1_memory, max_entries: many}' 78 'bad.yaml:2:38: max_entries is "many": a whole number such as 1000, or unlimited is expected'
bad 'tiers:\n  - {plugin: l1_memory, name: a}\n  - {plugin: l1_memory, name: a}' 78 'bad.yaml:3:31: two tiers are named "a"'
bad 'a: &x 1' 78 'bad.yaml:1:4: anchors and tags are not supported'
bad 'tiers: [{plugin: l1_memory' 78 'bad.yaml:'
bad 'encryptor: rot13' 69 'bad.yaml:1:12: there is no plugin "rot13"'
bad "plugin_dirs: [$PROXTIER_REFUSED_PLUGINS]\ntiers: [{plugin: other_major}]" 69 'was built for plugin ABI 7'
bad "plugin_dirs: [$PROXTIER_REFUSED_PLUGINS]\ntiers: [{plugin: not_a_plugin}]" 69 'is not a plugin of proxtier'
bad 'tiers:\n\t- {plugin: l1_memory}' 78 'bad.yaml:2:1: a tab stands where YAML allows only blanks'
bad 'default_ttl: "2h\nlock_timeout: 1s' 78 'the file ends within quotes, which began at 1:14'
bad 'tiers:\n  - {plugin: l3_sqlite, path: /x/y.db}\n  - {plugin: l3_sqlite, path: /x/y.db, sync: full}' 78 \
    'bad.yaml:3:5: tiers l1 and l2 have the same store, /x/y.db: give each its own'
mkdir "$work/store"
ln -s store "$work/other"
bad "tiers:\n  - {plugin: l2_jsonl, dir: $work/store}\n  - {plugin: l2_jsonl, dir: $work/other/}" 78 'tiers l1 and l2 have the same store'
bad "tiers:\n  - {plugin: l2_jsonl, dir: ~/new/sj}\n  - {plugin: l2_jsonl, dir: \$HOME/./new//x/../sj/}" 78 \
    'tiers l1 and l2 have the same store, .*/new/sj'
ln -s store "$work/linked"
ln -s "$work/not-yet" "$work/leads-nowhere"
for other in linked/p.db ./store/p.db linked/../store//p.db; do
    bad "tiers:\n  - {plugin: l3_sqlite, path: $work/store/p.db}\n  - {plugin: l3_sqlite, path: $work/$other, sync: full}" 78 \
        'tiers l1 and l2 have the same store'
done
bad "tiers:\n  - {plugin: l3_sqlite, path: $work/not-yet/p.db}\n  - {plugin: l3_sqlite, path: $work/leads-nowhere/p.db}" 78 \
    'tiers l1 and l2 have the same store'
[ ! -e "$work/not-yet" ] && [ ! -e "$work/store/p.db" ]
ok $? "... before anything was made"
for pair in "l2_sqlite, dir: $work/two}/l3_sqlite, path: $work/two/../two/l2_cache.db" \
    "fault, tier: l2_jsonl, tier_options: 'dir=$work/three'}/l2_jsonl, dir: $work/three" \
    "fault, tier: l3_sqlite, tier_options: 'path=$work/x.db'}/fault, tier: l3_sqlite, tier_options: 'path=$work/./x.db'"; do
    bad "tiers:\n  - {plugin: ${pair%%\}/*}}\n  - {plugin: ${pair#*\}/}}" 78 'tiers l1 and l2 have the same store'
done
mkdir "$work/shared"
cat >"$work/apart.yaml" <<END
tiers: [{plugin: l2_jsonl, dir: $work/shared}, {plugin: l2_sqlite, dir: $work/shared}, {plugin: l3_sqlite, path: $work/shared/p.db}]
END
run --config "$work/apart.yaml" list
is "$code" 0 "stores of several plugins in one folder are apart"
bad 'tiers:\n  - {plugin: l3_sqlite, path: x.db}' 78 'bad.yaml:2:31: path is "x.db", a relative path: begin it with /'
bad 'tiers:\n  - {plugin: l3_sqlite, path: $DATA/x.db}' 78 'bad.yaml:2:31: $DATA/x.db: only ~/, $HOME/'
bad 'tiers:\n  - {plugin: l3_sqlite, path: ~me/x.db}' 78 'bad.yaml:2:31: ~me/x.db: only ~/, $HOME/'
bad 'tiers: [{plugin: l1_memory, enabled: false}]' 78 'bad.yaml:1:8: tiers: all are switched off'
bad 'tiers: [{plugin: l1_memory, enabled: no}]' 78 'enabled is "no": true or false is expected'
for home in '$HOME' '${HOME}' '~'; do
    echo "tiers: [{plugin: l3_sqlite, path: '$home/x.db'}]" >"$work/home.yaml"
    run --config "$work/home.yaml" config show
    like "$out" "path: '$work/x.db'" "a path below $home"
done
# ---- where values come from ----
cat >"$work/origin.yaml" <<END
source_ttl:
  premium: 2h
  basic: 1d
encryptor: {plugin: plain}
plugin_dirs: [$work]
tiers:
  - plugin: l1_memory
    name: front
    max_entries: 5
    eviction: fifo
  - plugin: l2_jsonl
    write_behind: true
    eviction:
      plugin: lru
END
run --config "$work/origin.yaml" config show --origin
shown=$out
comes_from() { # LINE ORIGIN
    like "$shown" "^ *-* *$1  # $2\$" "origin of $1"
}
comes_from "'premium': 7200s" "$work/origin.yaml:2"
comes_from "'basic': 86400s" "$work/origin.yaml:3"
comes_from "plugin: plain" "$work/origin.yaml:4"
comes_from "'$work'" "$work/origin.yaml:5"
comes_from "'$PROXTIER_PLUGIN_PATH'" PROXTIER_PLUGIN_PATH
comes_from "plugin: 'l1_memory'" "$work/origin.yaml:7"
comes_from "name: front" "$work/origin.yaml:8"
comes_from "max_entries: 5" "$work/origin.yaml:9"
comes_from "plugin: fifo" "$work/origin.yaml:10"
comes_from "write_behind: true" "$work/origin.yaml:12"
comes_from "plugin: lru" "$work/origin.yaml:14"
comes_from "name: l2" default
comes_from "required: true" default
is "$(echo "$shown" | grep -v -e '# ' -e ':$')" "" "no value is without its origin"
# ---- a file as long as is allowed ----
{
    echo 'source_ttl:'
    awk 'BEGIN { for (i = 0; i < 80000; i++) printf "  s%d: %dh\n", i * 7919 % 80000, i % 9 + 1 }'
} >"$work/long.yaml"
for source in s0 s7919 s79999 s8000; do
    want=$(sed -n "s/^  $source: \\(.*\\)h/\\1/p" "$work/long.yaml")
    run --config "$work/long.yaml" put --source "$source" http://192.0.2.8:80
    run --config "$work/long.yaml" show http://192.0.2.8:80
    like "$out" "^ttl_seconds *$((want * 3600))\$" "80000 rules of source_ttl: that of $source"
done
run --config "$work/long.yaml" put --source s8000x http://192.0.2.8:80
run --config "$work/long.yaml" show http://192.0.2.8:80
like "$out" '^ttl_seconds *3600$' "... and none of a longer name"
# ---- a tier that is switched off ----
cat >"$work/off.yaml" <<END
tiers:
  - {plugin: no_such_plugin, enabled: false}
  - {plugin: l2_jsonl, dir: $work/off, enabled: true}
  - {plugin: l3_sqlite, path: $work/off/x.db, enabled: false}
END
run --config "$work/off.yaml" put http://192.0.2.1:80
run --config "$work/off.yaml" stats
is "$(echo "$out" | grep -c '^l[0-9] ')/$(echo "$out" | grep '^l')" "1/l2 (l2_jsonl): on, 1 entries" "the chain goes without the others, names stay"
[ ! -e "$work/off/x.db" ]
ok $? "nothing is made for a tier that is switched off"
# ---- the environment ----
fresh
PROXTIER_DEFUALT_TTL=3h PROXTIER_PORT_80_TCP=x PROXTIER_HEALTH_HISTROY=5 "$PROXTIER" list 2>"$work/.err"
err=$(cat "$work/.err")
like "$err" 'PROXTIER_DEFUALT_TTL is not known, and has no effect (did you mean PROXTIER_DEFAULT_TTL?)' "a misspelt variable is told"
like "$err" 'PROXTIER_HEALTH_HISTROY .*PROXTIER_HEALTH_HISTORY' "... each of them"
is "$(echo "$err" | wc -l)" 2 "a variable of another program is not"
fresh
# ---- --state-dir ----
(cd "$work" && "$PROXTIER" --state-dir here put http://u:p@192.0.2.1:80 >/dev/null 2>&1)
ls "$work/here/cache"/shard_*.jsonl >/dev/null 2>&1 && [ -e "$work/here/fernet.key" ] && [ -e "$work/here/proxtier.db" ]
ok $? "--state-dir has all files"
[ ! -e "$work/.local/state/proxtier/fernet.key" ] && [ ! -e "$work/.cache/proxtier" ]
ok $? "... and the user's folders none"
run --state-dir "$work/here" list
is "$out" http://192.0.2.1:80 "--state-dir with an absolute path"
run --state-dir "$work/there" list
is "$out" "" "another one is another cache"
PROXTIER_STATE_DIR=$work/here "$PROXTIER" list >"$work/.out"
is "$(cat "$work/.out")" http://192.0.2.1:80 "PROXTIER_STATE_DIR is the same"
for value in here ./here ""; do
    for command in list "config check" "put http://192.0.2.9:80"; do
        PROXTIER_STATE_DIR=$value
        export PROXTIER_STATE_DIR
        (cd "$work" && "$PROXTIER" $command >"$work/.out" 2>"$work/.err")
        is "$?" 78 "$command with PROXTIER_STATE_DIR=$value"
        unset PROXTIER_STATE_DIR
        like "$(cat "$work/.err")" "PROXTIER_STATE_DIR is \"$value\": set it to an absolute path" "... is refused, and named"
    done
done
run list
like "x$out" "^x\(http://192.0.2.[^9].*\)*$" "... and nothing is put into the user's pool"
(cd "$work" && XDG_STATE_HOME=here XDG_CACHE_HOME=here XDG_CONFIG_HOME=here "$PROXTIER" list >"$work/.out" 2>&1)
is "$?/$(cat "$work/.out")" "0/$out" "a relative value of XDG_STATE_HOME, XDG_CACHE_HOME, XDG_CONFIG_HOME is ignored, as the specification says"
run --config "$work/none.yaml" list
is "$code" 78 "a configuration that is not there"
done_testing
