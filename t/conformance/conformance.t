#!/bin/sh
# `proxtier plugin test` passes the stock plugins and the examples, and finds the fault of each broken one.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
for plugin in l1_memory l2_jsonl l2_sqlite l3_sqlite lru lfu fifo sieve s3fifo fernet plain \
    "$abs_top_builddir/t/plugins/refused/.libs/table.so" "$abs_top_builddir/t/plugins/refused/.libs/folder.so" \
    "$abs_top_builddir/t/conformance/faulty/.libs/versioned.so"; do
    run plugin test "$plugin"
    is "$code" 0 "${plugin##*/} keeps its promises"
    printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
done
for lower in l1_memory l2_jsonl l3_sqlite "$abs_top_builddir/t/plugins/refused/.libs/table.so" \
    "$abs_top_builddir/t/conformance/faulty/.libs/versioned.so"; do
    run plugin test fault --options "tier=$lower"
    is "$code" 0 "fault, without faults on ${lower##*/}, keeps its promises"
done
run plugin test fault --options "tier=l1_memory,faults=put 5 fail"
is "$code" 1 "with a fault it does not"
run plugin test l1_memory --options shards=1,max_entires=3
is "$code" 1 "an unknown option of a plugin"
like "$out" 'unknown option "max_entires"' "... is named"
run plugin test "$abs_top_builddir/t/plugins/refused/.libs/other_major.so"
is "$code" 1 "another ABI"
like "$out" 'other_major.so was built for plugin ABI 7' "... is named with its file"

if [ "${PXT_REPEATED:-}" ]; then
    skip "PXT_REPEATED: this is done where all tests are run"
    done_testing
fi

sanitized=$(sed -n 's/^SANITIZE = *//p' "$abs_top_builddir/Makefile")
# Which check finds which fault: the fault is the file's name.
finds() { # FAULT CHECK
    "$PROXTIER" plugin test --check "$2" --timeout "$seconds" "$abs_top_builddir/t/conformance/faulty/.libs/$1.so" >"$work/.out" 2>&1
    is "$?" 1 "$1 fails"
    like "$(grep '^not ok' "$work/.out")" "$2" "... in the check that $2"
}
seconds=60
finds instances_share_entries 'instances are their own'
finds not_thread_safe 'sixteen threads'
seconds=5
finds hangs_in_open 'opens empty'
seconds=60
like "$(cat "$work/.out")" 'it hangs in open' "... and says where it hangs"
[ -n "$sanitized" ] || finds crashes_in_close 'opens empty'
[ -n "$sanitized" ] || like "$(cat "$work/.out")" 'signal 11' "... and says how it ends"
[ -n "$sanitized" ] || finds crashes_when_loaded 'it can be loaded'
finds saves_when_closed 'process is killed'
finds ignores_failed_writes 'says that a write failed'
finds blocks_a_signal 'changes nothing'
finds changes_the_locale 'changes nothing'
finds changes_the_folder 'changes nothing'
finds changes_the_umask 'changes nothing'
finds installs_a_signal_handler 'changes nothing'
finds leaves_self_unset 'opens empty'
finds fails_without_an_error 'opens empty'
finds keeps_entries_after_close 'releases every entry'
finds holds_once_too_often 'releases every entry'
[ -n "$sanitized" ] || finds leaks_its_memory 'frees its memory'
[ -n "$sanitized" ] || finds leaks_with_each_put 'frees its memory'
finds looks_at_eight_bytes_of_a_key 'takes any key'
finds prints 'opens empty'
like "$(cat "$work/.out")" 'it prints' "... and says that it prints"
finds says_ok_for_a_missing_key 'opens empty'
finds loses_a_field 'gives back every field'
finds keeps_the_first_of_two_puts 'replaces, deletes'
finds counts_every_put 'replaces, deletes'
finds deletes_nothing 'replaces, deletes'
finds says_ok_when_nothing_was_deleted 'opens empty'
seconds=5
finds calls_back_under_its_lock 'changed during a walk'
seconds=60
finds skips_the_last_in_each 'each gives every entry once'
finds gives_one_twice_in_each 'each gives every entry once'
finds does_not_stop_each 'each gives every entry once'
finds says_durable_and_forgets 'keeps entries when it is closed'
finds clear_leaves_one 'clear removes all'
finds put_many_drops_the_last 'put_many stores all'
finds touch_counts_one_hit 'touch adds'
finds expires_a_microsecond_late 'expire removes'
finds expires_beyond_the_limit 'expire removes'
finds expires_silently 'expire removes'
finds loses_the_supplied_version 'gives back every field'
finds keeps_versions_as_doubles 'gives back every field'
finds loses_the_reason_of_a_tombstone 'keeps a tombstone'
finds deletes_instead_of_keeping_a_tombstone 'keeps a tombstone'
finds del_leaves_tombstones 'keeps a tombstone'
finds del_tells_of_tombstones 'keeps a tombstone'
finds counts_tombstones 'counts no tombstones'
finds evicts_tombstones 'names no tombstone as a victim'
finds forgets_tombstones_when_closed 'keeps tombstones when it is closed'
finds versions_without_tombstones 'gives the version of each'
finds gives_a_version_twice 'gives the version of each'
finds does_not_stop_versions 'gives the version of each'
finds versions_from_that_on 'versions gives those above'
finds versions_without_unknown_ones 'versions gives those above'
finds expires_any_version 'expire leaves versions above'
finds forgets_the_dead 'known as dead'
finds never_expires_tombstones 'expire leaves versions above'
finds reports_expired_tombstones 'expire leaves versions above'
finds takes_older_versions 'refuses older versions'
finds lets_an_older_entry_replace_a_tombstone 'refuses older versions'
finds refuses_the_version_that_it_has 'takes the version that it has again'
finds put_many_stops_in_the_middle 'put_many stores nothing'
finds compares_with_what_it_read_before 'compares with versions of another process'
finds has_an_empty_record 'keeps the record'
finds cuts_a_long_record 'keeps the record'
[ -n "$sanitized" ] || finds policy_leaks 'frees its memory'
[ -n "$sanitized" ] || finds overruns_its_state 'writes to their state only'
finds has_a_victim_when_empty 'empty policy has no victim'
finds has_no_victim_when_there_is_one_entry 'empty policy has no victim'
finds victims_at_random 'ends the same'
finds instances_share_a_ring 'instances are their own'
finds threads_share_a_buffer 'sixteen threads'
[ -n "$sanitized" ] || finds token_is_longer_than_said 'gives back the text'
finds token_holds_the_text 'tokens hide'
finds opens_changed_tokens 'changed token'
finds opens_to_other_text 'gives back the text'
finds says_that_it_binds 'moved token'
done_testing
