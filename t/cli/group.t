#!/bin/sh
# A pool may belong to a group: each member reads and writes what the others made, whatever the umask, and nobody else does.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
group=4300
# as USER ARGUMENT...: proxtier as a member of the group; sets $out, $err and $code
as() {
    user=$1
    shift
    setpriv --reuid="$user" --regid="$user" --groups="$groups" "$PROXTIER" "$@" >"$work/.out" 2>"$work/.err" </dev/null
    code=$?
    out=$(cat "$work/.out")
    err=$(cat "$work/.err")
}
if ! { [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && setpriv --reuid=4242 --clear-groups test -x "$PROXTIER"; }; then
    skip "another user cannot be had, or cannot read the build"
    done_testing
fi
alice=4242 bob=4243 carol=4244 groups=$group
chmod 755 "$work"
unset HOME
mkdir -m 700 "$work/pool"
chgrp $group "$work/pool" && chmod 2770 "$work/pool"
cat >"$work/group.yaml" <<END
mode: group
encryptor: {plugin: fernet, auto_key_file: $work/pool/key/fernet.key}
tiers:
  - {plugin: l1_memory, max_entries: 10}
  - {plugin: l2_jsonl, dir: $work/pool/l2, shards: 2, max_entries: 100}
  - {plugin: l3_sqlite, path: $work/pool/l3/proxtier.db}
END
sed 's/^mode: group$//' "$work/group.yaml" >"$work/private.yaml"
export PROXTIER_CONFIG="$work/group.yaml"

as $alice put http://x:secret@192.0.2.1:1
is "$code/$err" "0/proxtier: notice: fernet: made key file $work/pool/key/fernet.key: keep a copy; without it stored credentials are lost" \
    "a member makes a pool"
as $bob get --reveal http://x@192.0.2.1:1
is "$code/$out/$err" "0/http://x:secret@192.0.2.1:1/" "another reads it, with the key"
as $bob put http://192.0.2.2:1
is "$code/$err" 0/ "and writes to it"
as $alice report http://192.0.2.2:1 fail
is "$code/$out" 0/degraded "the first one changes what the other put"
as $bob delete http://x@192.0.2.1:1
is "$code/$err" 0/ "and the other way round"
seq 1 300 | sed 's|.*|http://192.0.2.3:&|' >"$work/list"
chmod 644 "$work/list"
for user in $alice $bob $alice; do
    as $user warm --reset "$work/list"
    is "$code/${out%% duplicate*}" "0/$(echo "$out" | sed -n 's/ duplicate.*//p')" "user $user loads a list"
    as $user expire
    is "$code/$err" 0/ "... and maintains the pool"
done
as $bob stats --flat
is "$code/$err/$(echo "$out" | sed -n 's/^cache.l2.hits //p')" "0//1" "statistics are for all"
as $bob status
is "$code" 0 "all tiers agree"
is "$(find "$work/pool" -type d ! -perm 2770 -o -type f ! -perm 660 -o ! -group $group | sort)" "" \
    "folders have 2770, files 0660, and all have the group"
names=$(find "$work/pool" -type f | sed 's|.*/||' | sort | tr '\n' ' ')
for name in fernet.key proxtier.db proxtier.db.page proxtier.db.stats proxtier.format proxtier.record shard_00.jsonl shard_00.lock; do
    case " $names" in *" $name "*) ok 0 "$name is one of them" ;; *) ok 1 "$name is one of them: $names" ;; esac
done
run get http://192.0.2.2:1
is "$code/$err" 0/ "root may use it"
run put http://192.0.2.4:1
as $bob put http://192.0.2.4:1
is "$code/$err" 0/ "... and leaves it usable"
for connection in 1 2; do
    as $alice put http://192.0.2.5:$connection & as $bob put http://192.0.2.6:$connection
    wait
done
as $alice list
is "$(echo "$out" | grep -c '192.0.2.[56]:')" 4 "both at once"

# Two members that make one pool at the same time.
for pool in 1 2 3 4 5 6 7 8; do
    mkdir -m 700 "$work/new$pool"
    chgrp $group "$work/new$pool" && chmod 2770 "$work/new$pool"
    sed "s|$work/pool|$work/new$pool|" "$work/group.yaml" >"$work/new.yaml"
    for user in $alice $bob; do
        (as $user --config "$work/new.yaml" put http://x:secret@192.0.2.1:$user; echo "$code" >"$work/code.$user") &
    done
    wait
    cat "$work/code.$alice" "$work/code.$bob"
done >"$work/codes"
is "$(sort -u "$work/codes")" 0 "each of two that make a pool at once succeeds"

groups=$carol
as $carol get
is "$code/$out" 77/ "who is not in the group is kept out"
groups=$group
PROXTIER_CONFIG=$work/private.yaml
as $alice get
is "$code/$out" 77/ "without mode: group a group's folder is refused"

# A private pool is given to a group by its owner.
export PROXTIER_CONFIG="$work/given.yaml"
mkdir -m 700 "$work/own" && chown $alice:$alice "$work/own"
sed "s|$work/pool/[a-z0-9]*|$work/own|; s/^mode: group$/mode: private/" "$work/group.yaml" >"$work/given.yaml"
as $alice put http://x:secret@192.0.2.1:1
is "$code/$(stat -c %a "$work/own")/$(find "$work/own" -type f ! -perm 600)" 0/700/ "a private pool"
sed -i 's/^mode: private$/mode: group/' "$work/given.yaml"
as $alice get
is "$code" 77 "whose folder is not a group's"
like "$err" "chgrp GROUP $work/own && chmod 2770 $work/own\$" "... with the remedy"
chgrp -R $group "$work/own" && chmod 2770 "$work/own"
as $alice get --reveal
is "$code/$err" 0/ "done, its owner gives the files away"
as $bob get --reveal http://x@192.0.2.1:1
is "$code/$out/$err" "0/http://x:secret@192.0.2.1:1/" "and the others have them"
is "$(find "$work/own" -type f ! -perm 660)" "" "files have 0660"

# What root and others are told.
service=$(awk -F: '$3 > 0 { print $1; exit }' /etc/passwd)
mkdir -m 700 "$work/service" && chown "$service" "$work/service"
echo "tiers: [{plugin: l3_sqlite, path: $work/service/p.db}]" >"$work/service.yaml"
run --config "$work/service.yaml" list
is "$code" 77 "root is refused on the pool of a service"
like "$err" "belongs to user $service: do this as that user: sudo -u $service proxtier" "... with what to do"
as $alice --config "$work/service.yaml" list
is "$code" 77 "and so is another user"
chmod 711 "$work/service"
echo "tiers: [{plugin: l2_jsonl, dir: /tmp}]" >"$work/tmp.yaml"
run --config "$work/tmp.yaml" list
is "$code" 77 "a folder for all users is refused"
like "$err" "/tmp is for all users (mode 1777): name a folder below it, such as /tmp/proxtier\$" "... with another one"
done_testing
