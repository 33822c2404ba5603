#!/bin/sh
# SPDX-License-Identifier: MIT
# Folders that ProxyWhirl 0.3.3 made: every field is read, and whatever ProxyWhirl holds valid stays as it was.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
. "$abs_top_srcdir/t/proxywhirl/chain.sh"
if ! python3 -c 'import sqlite3' 2>/dev/null; then
    echo "1..0 # SKIP python3 with sqlite3 is not installed"
    exit 0
fi
fixtures=$here/fixtures

# copy BACKEND: $folder is a fresh copy of a fixture, as ProxyWhirl makes it with umask 022, $files are its files
copy() {
    rm -rf "$work/pw"
    mkdir "$work/pw"
    folder=$work/pw/$1
    cp -R "$fixtures/$1" "$folder"
    chmod 755 "$folder"
    files=$(cd "$folder" && echo *)
    for file in $files; do chmod 644 "$folder/$file"; done
    kinds=$fixtures/$1.json
    chain "$1" "$folder"
}
# set_aside: what was moved out of the way in $folder
set_aside() {
    find "$folder" -name '*.bad*' -o -name '*.damaged*' -o -name '*.corrupt*'
    python3 - "$folder"/*.db <<'PYTHON'
import sqlite3, sys
for path in sys.argv[1:]:
    database = sqlite3.connect(path)
    for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%quarantine%'"):
        for count, in database.execute(f"SELECT count(*) FROM {name} HAVING count(*) > 0"):
            print(f"{count} rows in {name} of {path}")
PYTHON
}
count_of() { fields keys "$1" "$2" | grep -c .; }

odd_values_are_read_and_stay() {
    copy "$1"
    fields raw "$folder" >"$work/before"
    before=$(state "$folder" $files)
    at list
    is $code 0 "$1: list opens a folder of ProxyWhirl"
    printf '%s\n' "$err" >"$work/messages"
    ! grep -i -e damaged -e unreadable -e quarantine -e passed.over "$work/messages" | sed 's/^/# /' | grep .
    ok $? "$1: no well-formed entry is called damaged"
    said=$(grep -c . "$work/messages")
    [ "$said" -ge 1 ] && [ "$said" -le 2 ]
    ok $? "$1: what is read clipped, blanked or clamped is told once a tier ($said messages)"
    fields raw "$folder" >"$work/after"
    agrees "$1: list drops and changes no entry" kept "$work/before" "$work/after" "$kinds"
    is "$(set_aside)" "" "$1: list sets nothing aside"
    is "$(state "$folder" $files)" "$before" "$1: mode, owner and journal of ProxyWhirl's files stay through list"
    at export --reveal
    printf '%s\n' "$out" >"$work/export"
    agrees "$1: every field of an ordinary entry is read" read "$kinds" "$work/export" ordinary
    agrees "$1: of an entry with a value over a limit, too" read "$kinds" "$work/export" over
    at stats --json
    ! printf '%s\n' "$out" | grep -q '"evictions_corruption": [1-9]'
    ok $? "$1: nothing counts as corruption"
}

health_comes_from_the_tier_that_has_it() {
    copy "$1"
    unhealthy=$(key_of http://unhealthy.test:8080)
    healthy=$(key_of http://healthy.test:8080)
    at show --json "$unhealthy"
    like "$out" '"total_health_checks": 11, "total_health_check_failures": 4' "$1: show has the health that L3 has"
    at get --json "$unhealthy"
    like "$out" '"last_health_error": "connection refused"' "$1: get has it"
    at report "$unhealthy" ok
    at report "$healthy" fail --reason 'no route'
    fields raw "$folder" >"$work/after"
    got=
    for name in total_health_checks total_health_check_failures recovery_attempt consecutive_health_successes; do
        got="$got $(fields field "$work/after" l3 "$unhealthy" $name)"
    done
    case $got in
    " 12 4 "*" 1") ok 0 "$1: a good report goes on from the counters of L3" ;;
    *) is "$got" " 12 4 (any) 1" "$1: a good report goes on from the counters of L3" ;;
    esac
    got=
    for name in total_health_checks total_health_check_failures consecutive_health_failures last_health_error; do
        got="$got $(fields field "$work/after" l3 "$healthy" $name)"
    done
    is "$got" " 10 1 1 no route" "$1: a failed one, too"
}

writes_touch_nothing_else() {
    copy "$1"
    reported=$(key_of http://healthy.test:8080)
    odd=$(key_of http://newline-in-error.test:8080)
    deleted=$(key_of http://dead.test:8080)
    fields raw "$folder" >"$work/before"
    before=$(state "$folder" $files)
    echo 'n3w-pass' >"$work/password"
    at put --source fresh --username mallory --password-file "$work/password" http://new.test:8080
    new=$out
    is "$new" "$(key_of http://new.test:8080)" "$1: put with a user name makes the key that ProxyWhirl makes of the URL"
    at report "$reported" ok
    at report "$odd" ok
    at delete "$deleted"
    at list
    fields raw "$folder" >"$work/after"
    agrees "$1: put, report, delete and list keep every other entry as it is" kept "$work/before" "$work/after" \
        "$kinds" l2:"$reported" l3:"$reported" l2:"$odd" l3:"$odd" l2:"$deleted" l3:"$deleted"
    for tier in l2 l3; do
        is "$(fields field "$work/after" $tier "$new" proxy_url) $(fields field "$work/after" $tier "$new" source)" \
            "http://new.test:8080 fresh" "$1: the new entry is in ProxyWhirl's $tier"
        fields field "$work/after" $tier "$new" username_encrypted >"$work/token"
        ! grep -q -e None -e mallory "$work/token"
        ok $? "$1: ... with its user name sealed"
        is "$(fields field "$work/after" $tier "$deleted" key)" None "$1: the deleted one is in $tier no more"
        is "$(fields field "$work/after" $tier "$odd" health_status)" degraded \
            "$1: a report of an entry with a value over a limit is in $tier"
    done
    is "$(fields field "$work/after" l3 "$odd" total_health_checks)" 1 "$1: ... with its counters"
    at expire # drops tombstones that all tiers have seen
    fields raw "$folder" >"$work/swept"
    is "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["stale_lines"])' "$work/swept")" 0 \
        "$1: no line stays that is not an entry"
    is "$(set_aside)" "" "$1: writing sets nothing aside"
    is "$(state "$folder" $files)" "$before" "$1: mode, owner and journal of ProxyWhirl's files stay through writes"
    at get --reveal "$new"
    is "$out" http://mallory:n3w-pass@new.test:8080 "$1: the new entry is read again"
}

one_list_is_stored_once() {
    copy "$1"
    fields raw "$folder" >"$work/before"
    at warm "$here/warm_list.jsonl"
    like "$out" '^loaded 0, updated 4, duplicate 0, refused 0' "$1: warm of a list that ProxyWhirl warmed adds none"
    fields raw "$folder" >"$work/after"
    for tier in l2 l3; do # an entry that one tier had may be in the other now, under the same key
        is "$(fields keys "$work/after" $tier |
            grep -v -x -F "$(fields keys "$work/before" l2; fields keys "$work/before" l3)")" "" \
            "$1: no entry of the list is twice in $tier"
    done
    at get --reveal "$(key_of http://warmed-username.test:8080)"
    is "$out" http://frank:list-pass@warmed-username.test:8080 "$1: it has its credentials"
}

an_export_destroys_no_credentials() {
    copy "$1"
    frank=$(key_of http://warmed-username.test:8080)
    at warm "$fixtures/export.jsonl"
    like "$out" '^loaded 0, updated 4, duplicate 0, refused 0' "$1: warm of ProxyWhirl's own export"
    at get --reveal "$frank"
    is "$out" http://frank:list-pass@warmed-username.test:8080 "$1: ... keeps the credentials that are stored"
    mkdir "$work/pw/empty"
    chain "$1" "$work/pw/empty"
    at warm "$fixtures/export.jsonl"
    like "$err" warning "$1: ... tells that it has no credentials"
    at get --reveal "$frank"
    is "$out" http://warmed-username.test:8080 "$1: ... stores no asterisks where there are none"
}

# found_by_url URL KEY NAME: by get, show and report
found_by_url() {
    at get --json "$1"
    like "$out" "\"key\": \"$2\"" "$3: get"
    at show --json "$1"
    like "$out" "\"key\": \"$2\"" "$3: show"
    at report "$1" ok
    is $code 0 "$3: report"
}

either_key_is_found_by_url() {
    copy "$1"
    theirs=$(key_of http://warmed-username.test:8080)
    found_by_url http://warmed-username.test:8080 "$theirs" "$1: ProxyWhirl's entry with a user name, by its URL"
    found_by_url http://frank@warmed-username.test:8080 "$theirs" "$1: ProxyWhirl's entry, by its URL with user name"
    found_by_url http://bob:secret@embedded.test:8080 "$(key_of http://bob:secret@embedded.test:8080)" \
        "$1: ProxyWhirl's entry with credentials in the URL, by that URL"
    ours=$(key_of http://dave@ours.test:8080)
    at put --key "$ours" --username dave http://ours.test:8080
    found_by_url http://dave@ours.test:8080 "$ours" "$1: an entry under proxtier's own key, by its URL"
    chain "$1" "$folder" ""
    chmod 700 "$folder"
    found_by_url http://frank@warmed-username.test:8080 "$theirs" "$1: ProxyWhirl's entry, without compatible"
    at put http://erin@ours.test:8080
    is "$out" "$(key_of http://erin@ours.test:8080)" "$1: without compatible the key has the user name"
}

credentials_in_a_url_are_not_shown() {
    copy "$1"
    embedded=$(key_of http://bob:secret@embedded.test:8080)
    : >"$work/all"
    for arguments in list "list --json" "show $embedded" "show --json $embedded" "get $embedded" \
        "get --json $embedded" export "report $embedded ok" list "get $embedded" stats expire; do
        at --log-level debug $arguments
        printf '%s: %s\n%s\n' "$arguments" "$out" "$err" >>"$work/all"
    done
    ! grep -n -e secret -e hidden "$work/all" | sed 's/^/# /' | cut -c1-150 | grep .
    ok $? "$1: credentials that ProxyWhirl has in a URL are in no output"
    at list
    printf '%s\n' "$out" | grep -q -x http://embedded.test:8080
    ok $? "$1: list has the URL without them"
    at get --reveal "$embedded"
    is "$out" http://bob:secret@embedded.test:8080 "$1: --reveal shows them"
    fields raw "$folder" >"$work/after"
    is "$(fields field "$work/after" l3 "$embedded" key)" "$embedded" "$1: the entry keeps its key"
}

a_folder_of_a_group_opens() {
    copy "$1"
    chmod 775 "$folder"
    for file in $files; do chmod 664 "$folder/$file"; done
    before=$(state "$folder" . $files)
    at list
    is $code 0 "$1: a folder made with umask 002 opens"
    at put http://group.test:8080
    is $code 0 "$1: ... to write, too"
    is "$(state "$folder" . $files)" "$before" "$1: ... and stays as it is"
    chmod 777 "$folder"
    at list
    is $code 77 "$1: a folder that everyone can write is refused"
}

another_group_and_owner_stay() {
    copy "$1"
    if [ "$(id -u)" = 0 ]; then group=12345; else group=$(id -G | tr ' ' '\n' | grep -v -x "$(id -g)" | head -n 1); fi
    if [ -z "$group" ]; then
        skip "$1: there is no second group"
        return
    fi
    chgrp -R "$group" "$folder"
    before=$(state "$folder" . $files)
    at put http://group.test:8080
    is $code 0 "$1: put in a folder of another group"
    at delete "$(key_of http://dead.test:8080)"
    is "$(state "$folder" . $files)" "$before" "$1: the files stay with their group"
    [ "$(id -u)" = 0 ] || return
    chown -R 12345 "$folder"
    before=$(state "$folder" . $files)
    at list
    at put http://group.test:8081
    is "$(state "$folder" . $files)" "$before" "$1: root takes no file from its owner"
}

for backend in jsonl sqlite; do
    odd_values_are_read_and_stay $backend
    health_comes_from_the_tier_that_has_it $backend
    writes_touch_nothing_else $backend
    one_list_is_stored_once $backend
    an_export_destroys_no_credentials $backend
    either_key_is_found_by_url $backend
    credentials_in_a_url_are_not_shown $backend
    a_folder_of_a_group_opens $backend
    another_group_and_owner_stay $backend
done
done_testing
