#!/bin/sh
# Where files are: folders that are named, homes that are absent or cannot be written, and conf.d.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
where() { # what `config show` says, with the given environment
    env "$@" "$PROXTIER" config show | sed -n "s/^ *\(dir\|path\|auto_key_file\): '\(.*\)'/\2/p" | tr '\n' ' '
}

# ---- named folders ----
run --state-dir "$work/s" --cache-dir "$work/c" put http://u:p@192.0.2.1:80
[ -e "$work/s/fernet.key" ] && [ -e "$work/s/proxtier.db" ] && [ ! -e "$work/s/cache" ] && ls "$work/c"/shard_*.jsonl >/dev/null
ok $? "--cache-dir has the cache, --state-dir the rest"
is "$(where PROXTIER_CACHE_DIR="$work/c")" "$work/.local/state/proxtier/fernet.key $work/c $work/.local/state/proxtier/proxtier.db " \
    "PROXTIER_CACHE_DIR alone moves only the cache"
is "$(where PROXTIER_CACHE_DIR="$work/c" PROXTIER_STATE_DIR="$work/s")" "$work/s/fernet.key $work/c $work/s/proxtier.db " \
    "the variables are the same as the options"
for name in CACHE CONFIG STATE; do
    env "PROXTIER_${name}_DIR=here" "$PROXTIER" list >/dev/null 2>"$work/.err"
    is "$?" 78 "a relative PROXTIER_${name}_DIR is refused"
    like "$(cat "$work/.err")" "PROXTIER_${name}_DIR is \"here\": set it to an absolute path" "... and named"
done
mkdir -p "$work/etc" "$work/.config/proxtier"
echo 'default_ttl: 2h' >"$work/.config/proxtier/proxtier.yaml"
run --config-dir "$work/etc" config check
is "$out" "built-in: ok" "--config-dir without a file: what is built in, and not the user's"
echo 'default_ttl: 3h' >"$work/etc/proxtier.yaml"
(cd "$work" && "$PROXTIER" --config-dir etc config show --origin) >"$work/.out" 2>&1
like "$(cat "$work/.out")" "^default_ttl: 3h  # $work/etc/proxtier.yaml:1" "--config-dir has the configuration, also as a relative path"
is "$(PROXTIER_CONFIG_DIR=$work/etc "$PROXTIER" config check)" "$work/etc/proxtier.yaml: ok" "PROXTIER_CONFIG_DIR is the same"

# ---- no home ----
fresh
unset HOME
system="/var/lib/proxtier/fernet.key /var/cache/proxtier /var/lib/proxtier/proxtier.db "
for home in / /nonexistent; do
    as_nobody= && [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null &&
        setpriv --reuid=4242 --clear-groups test -x "$PROXTIER" && as_nobody='setpriv --reuid=4242 --clear-groups'
    if [ "$as_nobody" ]; then
        # Plugins of a build tree belong to another user, so only the message is looked at.
        # shellcheck disable=SC2086
        HOME=$home $as_nobody "$PROXTIER" config show >"$work/.out" 2>&1
        like "$(cat "$work/.out")" 'belongs to user 0\|/var/lib/proxtier' "a user without a passwd entry, HOME=$home"
    else
        skip "another user cannot be had, or cannot read the build"
    fi
    [ "$(id -u)" -eq 0 ] || { skip "not root: the home of the passwd entry counts"; continue; }
    is "$(where HOME="$home")" "$system" "root with HOME=$home uses the system's places"
done
is "$(where PROXTIER_STATE_DIR="$work/s")" "$work/s/fernet.key $work/s/cache $work/s/proxtier.db " "without a home PROXTIER_STATE_DIR is enough"
HOME=$work
export HOME

# ---- a home that cannot be written ----
HOME=/proc/1 "$PROXTIER" put http://192.0.2.1:80 >"$work/.out" 2>"$work/.err"
code=$?
like "$code" '7[47]\|69' "a home that cannot be written: exit $code"
mkdir "$work/readonly"
chmod 555 "$work/readonly"
if [ "$(id -u)" -ne 0 ]; then
    HOME=$work/readonly "$PROXTIER" put http://192.0.2.1:80 >"$work/.out" 2>"$work/.err"
    is "$?" 77 "a read-only home: exit 77"
    like "$(cat "$work/.err")" 'cannot make folder .*PROXTIER_STATE_DIR' "... and what to set"
else
    skip "root may write everywhere"
fi
chmod 755 "$work/readonly"

# ---- conf.d ----
fresh
mkdir -p "$work/.config/proxtier/conf.d"
cd "$work/.config/proxtier" || exit 1
cat >proxtier.yaml <<'END'
default_ttl: 2h
health:
  history: 7
  failure_threshold: 5
source_ttl: {premium: 2h, basic: 1d}
tiers:
  - {plugin: l1_memory, max_entries: 10}
END
echo 'health: {history: 8}' >conf.d/10-first.yaml
cat >conf.d/20-second.yaml <<'END'
health: {history: 9}
source_ttl: {basic: 3d, free: 5m}
tiers: [{plugin: l1_memory, max_entries: 20}, {plugin: l2_jsonl}]
END
for other in .hidden.yaml 30.yaml.new 40.yml README; do echo 'not: read' >"conf.d/$other"; done
run config show --origin
is "$code" 0 "conf.d is merged, and other files in it are not read"
like "$out" '^default_ttl: 2h  # .*/proxtier.yaml:1' "what only the main file has stays"
like "$out" '^  history: 9  # .*/conf.d/20-second.yaml:1' "later files win"
like "$out" '^  failure_threshold: 5  # .*/proxtier.yaml:4' "sections are merged"
is "$(echo "$out" | sed -n '/^source_ttl/,/^enc/s/^  \(.*\)  # .*/\1/p' | tr '\n' ' ')" "'basic': 259200s 'free': 300s 'premium': 7200s " "so is source_ttl"
like "$out" '^    max_entries: 20  # .*/conf.d/20-second.yaml:3' "tiers are replaced"
is "$(echo "$out" | grep -c 'plugin: .l')" 2 "... as a whole"
like "$out" "^# and $work/.config/proxtier/conf.d/10-first.yaml" "config show names the files"
echo "$out" >"$work/shown.yaml"
run --config "$work/shown.yaml" config show
is "$(echo "$out" | grep -v '^#')" "$(sed 's/  # .*//; /^#/d' "$work/shown.yaml")" "... and what it shows reads back to the same"
mkdir "$work/conf.d"
echo 'default_ttl: 9h' >"$work/conf.d/x.yaml"
run --config "$work/shown.yaml" config show
like "$out" '^default_ttl: 2h' "beside a file that is named no conf.d is read"
echo 'health: {histroy: 9}' >conf.d/30.yaml
run config check
is "$code" 78 "a mistake in conf.d"
like "$err" '/conf.d/30.yaml:1:10: unknown option "health.histroy"' "... is told with its place"
echo 'just text' >conf.d/30.yaml
run config check
like "$err" '/conf.d/30.yaml:1:1: options are expected' "text in place of options is refused"
echo '# nothing' >conf.d/30.yaml
run config check
is "$code" 0 "a file of comments changes nothing"
rm proxtier.yaml
run config show --origin
like "$out" '^  history: 9  # ' "conf.d without a main file is merged into what is built in"
like "$out" '^default_ttl: 1h  # default' "... whose options are the defaults"
run config check
is "$out" "$work/.config/proxtier/conf.d/10-first.yaml: ok" "... and config check names its first file"
done_testing
