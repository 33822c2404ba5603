#!/bin/sh
# An old entry that is served with `fail_safe: true` is told: by a notice, and by a member of its JSON.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
mkdir "$work/far"
cat >"$work/pool.yaml" <<EOT
plugin_dirs: [$PROXTIER_REFUSED_PLUGINS]
encryptor: {plugin: plain}
fail_safe: true
tiers:
  - {plugin: l2_jsonl, dir: $work/files}
  - {plugin: faraway, path: $work/far, required: false}
EOT
run -c "$work/pool.yaml" put http://192.0.2.1:80 --ttl 1s
is "$code" 0 "an entry is stored"
run -c "$work/pool.yaml" get http://192.0.2.1:80 --json
case $out in *stale*) ok 1 "it is fresh" ;; *) ok 0 "it is fresh" ;; esac
is "$err" "" "and no notice comes"
sleep 1.1
run -c "$work/pool.yaml" get http://192.0.2.1:80
is "$code" 1 "it has expired"
touch "$work/far/down"
run -c "$work/pool.yaml" get http://192.0.2.1:80
is "$code:$out" "0:http://192.0.2.1:80" "the server is gone: the entry is printed"
like "$err" 'http://192.0.2.1:80 may be old' "with a notice"
run -q -c "$work/pool.yaml" get http://192.0.2.1:80
is "$err" "" "which --quiet keeps back"
run -c "$work/pool.yaml" get http://192.0.2.1:80 --json
like "$out" '"stale": true' "its JSON says so"
done_testing
