#!/bin/sh
# While the slowest tier is away, a proxy that is named by its URL gets the answers that doc/versions.md has for its key.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
l2="{name: l2, plugin: l2_jsonl, dir: $work/d2, max_entries: 2}"
l3="{name: l3, plugin: l3_sqlite, path: $work/d3/x.db, required: false}"
echo "tiers: [$l2, $l3]" >"$work/whole.yaml"
echo "tiers: [$l2]" >"$work/chain.yaml"
whole() { # ARGUMENT...
    run -q --config "$work/whole.yaml" "$@"
}
on() { # ARGUMENT...
    run -q --config "$work/chain.yaml" "$@"
}
for n in 1 2 3 4; do
    whole put http://192.0.2.$n:80
done
whole put http://user:secret@192.0.2.9:80
whole put http://192.0.2.3:80
whole put http://192.0.2.4:80 # the faster tier has the last two
on get http://192.0.2.4:80
is "$code" 0 "the slowest tier is away: get of what the faster one has"
on get http://192.0.2.1:80
is "$code" 69 "... get of what it has not"
on delete http://192.0.2.4:80
is "$code $err" "0 " "... delete of what it has"
on delete http://192.0.2.1:80
is "$code $err" "0 " "... delete of what it has not is taken"
on report http://192.0.2.2:80 ok
is "$code" 69 "... a report of that is not"
on delete http://user:secret@192.0.2.9:80
is "$code" 69 "... nor a delete where the URL may be stored under several keys"
like "$err" "one of several keys" "... and the message says so"
whole list
is "$code $(echo "$out" | sort | tr '\n' ' ')" "0 http://192.0.2.2:80 http://192.0.2.3:80 http://192.0.2.9:80 " \
    "it is back: what was deleted stays away"

# The page lies beside the slowest tier, and is away with it: then nothing is certain.
mv "$work/d3" "$work/away"
: >"$work/d3"
whole delete http://192.0.2.2:80
is "$code $err" "0 " "the folder of the slowest tier is away, with the page: delete is taken"
whole get http://192.0.2.2:80
is "$code" 69 "... get does not answer"
rm "$work/d3"
mv "$work/away" "$work/d3"
whole list
is "$code $(echo "$out" | sort | tr '\n' ' ')" "0 http://192.0.2.3:80 http://192.0.2.9:80 " \
    "... and when it is back, what was deleted stays away"
done_testing
