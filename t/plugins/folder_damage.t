#!/bin/sh
# The example folder.c: a damaged file is not there, is put aside once, and is put back by a repair from another tier.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
mkdir "$work/plugins"
cp "$abs_top_builddir/t/plugins/refused/.libs/folder.so" "$work/plugins/"
cat >"$work/chain.yaml" <<END
plugin_dirs: [$work/plugins]
tiers:
  - {plugin: folder, dir: $work/files}
  - {plugin: l3_sqlite, path: $work/l3.db}
END
chain() {
    run --config "$work/chain.yaml" "$@"
}
chain put http://192.0.2.1:80
key=$out
chain put http://192.0.2.2:80
file=$work/files/$key.json
ok "$([ -f "$file" ]; echo $?)" "an entry is a file"
printf '{"key": "%s", "sour' "$key" >"$file"
chain get "$key"
is "$code $out" "0 http://192.0.2.1:80" "a damaged entry is taken from the slower tier"
like "$err" 'is damaged: it is put aside' "... and a warning says so"
is "$(ls "$work/files" | grep -c 'bad$')" 1 "the damaged file is put aside"
chain list
is "$(printf '%s\n' "$out" | sort)" "$(printf 'http://192.0.2.1:80\nhttp://192.0.2.2:80')" "a list has both entries, once each"
is "$err" "" "the damage is told once"
is "$(grep -c "$key" "$file" 2>/dev/null)" 1 "the file is there again, by the repair"
done_testing
