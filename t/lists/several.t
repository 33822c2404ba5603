#!/bin/sh
# Several lists in one call; empty lists; interrupted ones; starting anew.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
counts() { echo "${out% in *}"; }
printf 'http://192.0.2.1:80\nhttp://192.0.2.2:80\n' >"$work/a.txt"
printf 'socks5 192.0.2.3 80\nhttp://192.0.2.2:80\nno proxy at all\n' >"$work/b.txt"
run warm "$work/a.txt" "$work/b.txt"
is "$(counts)" "loaded 3, updated 0, duplicate 1, refused 1" "a key in two lists is a duplicate"
like "$err" "b.txt:3:1:" "messages name the list"
fresh
printf 'http://192.0.2.4:80\n' | "$PROXTIER" warm "$work/a.txt" - >"$work/.out"
is "$(sed 's/ in .*//' "$work/.out")" "loaded 3, updated 0, duplicate 0, refused 0" "standard input among them"
fresh
run warm "$work/nothing" "$work/a.txt"
is "$code" 66 "a list that is not there"
like "$err" "cannot open list $work/nothing" "... is told"
is "$(counts)" "loaded 2, updated 0, duplicate 0, refused 0" "... and the others are loaded"
printf '[{]' >"$work/bad.json"
run warm "$work/bad.json" "$work/a.txt"
is "$code" 65 "a malformed list among others"
is "$(counts)" "loaded 0, updated 2, duplicate 0, refused 0" "... and the others are loaded too"
: >"$work/empty.txt"
echo '[]' >"$work/empty.json"
printf '# nothing\n' >"$work/comment.txt"
for list in empty.txt empty.json comment.txt; do
    run warm "$work/a.txt" "$work/$list"
    is "$code" 65 "$list among others is an error"
    like "$err" "list $work/$list is empty: --allow-empty accepts that" "... that is told"
done
run warm --allow-empty "$work/empty.txt"
is "$code" 0 "--allow-empty"

fresh
run warm "$work/a.txt"
run report http://192.0.2.1:80 fail
run get http://192.0.2.2:80
run warm --ttl 2h "$work/a.txt"
run show http://192.0.2.1:80
like "$out" '^total_health_check_failures  *1$' "warming again keeps what was learnt"
like "$out" '^ttl_seconds  *7200$' "... and takes over what the list says"
run warm --reset --ttl 3h "$work/a.txt"
is "$(counts)" "loaded 0, updated 2, duplicate 0, refused 0" "--reset replaces entries"
run show http://192.0.2.1:80
like "$out" '^total_health_check_failures  *0$' "... and forgets what was learnt"
like "$out" '^health_status  *unknown$' "... health too"
run history http://192.0.2.1:80
is "$out" "" "... and the history"

fresh
mkfifo "$work/pipe"
"$PROXTIER" warm "$work/a.txt" "$work/pipe" >"$work/.out" 2>"$work/.err" &
pid=$!
{
    printf 'http://192.0.2.7:80\nhttp://192.0.2.8:80\n'
    n=0
    while [ $n -lt 200 ] && ! [ -s "$work/.ended" ]; do
        kill -TERM $pid 2>/dev/null
        sleep 0.1
        n=$((n + 1))
        kill -0 $pid 2>/dev/null || break
    done
} >"$work/pipe"
wait $pid
is "$?" 143 "an interrupted warm ends by the signal"
like "$(cat "$work/.err")" "interrupted in list $work/pipe" "... says where"
like "$(cat "$work/.out")" '^loaded [234], updated 0, duplicate 0, refused 0 ' "... and how far it came"
is "$("$PROXTIER" list | wc -l)" "$(sed 's/loaded \([0-9]*\).*/\1/' "$work/.out")" "what it told is stored"
done_testing
