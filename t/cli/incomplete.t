#!/bin/sh
# A list and an export that lack a tier print what can be read, name the tier, and do not end with 0.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
cat >"$work/chain.yaml" <<EOF
tiers:
  - {plugin: l2_jsonl, dir: $work/l2}
  - {name: archive, plugin: l9_nowhere, required: false}
EOF
lacking() { # ARGUMENTS
    run --config "$work/chain.yaml" "$@"
    is "$code" 69 "$1: exit code"
    like "$err" "tier archive is absent: entries may be missing" "$1: the tier is named"
}
run --config "$work/chain.yaml" put http://192.0.2.1:80
lacking list
is "$out" http://192.0.2.1:80 "list: what can be read is printed"
lacking export
is "$(echo "$out" | grep -c 192.0.2.1)" 1 "export: what can be read is written"
echo before >"$work/backup"
lacking export "$work/backup"
is "$(cat "$work/backup")" before "a file is replaced by a whole export only"
run --config "$work/chain.yaml" get
is "$code $out" "0 http://192.0.2.1:80" "get: any proxy that can be read will do"
done_testing
