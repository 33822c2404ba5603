#!/bin/sh
# `proxtier plugin test` tells each liar of t/conformance/liars by the check of the rule that it breaks, and none else.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if [ "${PXT_REPEATED:-}" ]; then
    skip "PXT_REPEATED: this is done where all tests are run"
    done_testing
fi
liars=$abs_top_builddir/t/conformance/.libs
sanitized=$(sed -n 's/^SANITIZE = *//p' "$abs_top_builddir/Makefile")

arguments=
honest() { # PLUGIN
    run plugin test "$liars/$1.so"
    is "$code" 0 "without a lie $1 keeps its promises"
    printf '%s\n' "$out" | sed -n '/^not ok/,+1s/^/# /p'
}
# tells LIE CHECK WORDS: the check of that name fails, and its message has these words.
tells() {
    LIE=$1 "$PROXTIER" plugin test --check "$2" --timeout "${limit:-60s}" $arguments "$liars/$liar.so" >"$work/.out" 2>&1
    like "$(sed -n "/^not ok .*$2/,+1p" "$work/.out" | tr '\n' ' ')" "$3" "$1 is told: $3"
}

honest liar_tier
honest liar_policy
honest liar_encryptor

liar=liar_tier
tells gives_what_it_read_before 'sees what another process' 'that another process has replaced'
tells dies_at_its_old_expiry 'expires at its own time' 'took the place of one that has expired'
tells expires_a_microsecond_early 'expire removes expired entries' 'be it by a microsecond'
tells tells_before_it_removes 'reports what is removed' 'before it is removed'
tells keeps_a_part_of_a_failed_batch 'put_many that fails' 'it stores all or none'
tells puts_no_more_than_1000 'any number of entries' '2500 entries says PXT_OK, 1000 are counted'
limit=3s
tells holds_a_lock_in_each 'asked during a walk' 'it hangs in get, in the function of each'
limit=
tells touch_drops_evicted_from_l1 'touch sets evicted_from_l1' 'touch does not set evicted_from_l1'
tells touch_clears_evicted_from_l1 'touch sets evicted_from_l1' 'clears the flag'
tells touch_counts_a_key_once 'touch adds accesses' 'touched by 7 hits and, in the same call, by 5'
tells touch_goes_back_in_time 'touch adds accesses' 'the later of two times'
tells touch_loses_updates 'touches of two processes' 'touched by two processes at once'
tells clear_leaves_the_order 'no victim of before' 'after clear there is a victim'
tells history_by_prefix 'a history is of one key' 'gives a check of the key'
tells one_check_of_a_time 'checks of the same time' 'newest check first\|two at a time'
tells each_skips_every_1000th 'each gives every entry once' 'each gives the one of number [0-9]* 0 times'
tells ignores_the_second_field_of_an_order 'all fields of an order' 'lfu evicts'
tells maintain_deletes 'maintain succeeds' 'maintain changes or removes an entry'
tells sync_fails 'sync succeeds' 'sync gives PXT_EIO'
tells leaks_a_descriptor 'closes its descriptors' 'is still open'
tells inherits_descriptors 'closes its descriptors' 'without O_CLOEXEC'
tells has_one_store 'two stores are two' 'two stores have one shared_path'
tells makes_public_files 'its files to itself' 'can be read or written by others'
tells compares_hashes_only 'keys of one hash' 'are counted as 1'
tells deletes_only_what_users_delete 'for whatever reason' 'PXT_REMOVE_HEALTH removes nothing'
tells adds_to_removed 'clear removes all' '30 entries are cleared, it says 107'
tells evicts_by_itself 'leaves the capacity' 'has dropped .* by itself'
tells hides_what_has_expired 'leaves expiry' 'expiry is for the core to ask'
tells remembers_a_key_of_the_caller 'keeps no key' 'a key is valid during the call'
tells sets_out_to_another_entry 'gives no entry' 'sets \*out to an entry'
tells touch_raises_the_version 'touch changes nothing else' 'changes the field version'
tells takes_0_for_no_history 'checks of the same time' '.keep. is 0'
tells takes_no_error_for_an_empty_one 'what is not known' 'without an error comes back with one'
tells leaves_the_history 'goes with its entry' 'del leaves the history'
tells reads_its_record_once 'one record' 'put anew by another instance'
tells leaves_a_thread 'ends its threads' 'a thread that it started still runs'
tells changes_the_environment 'changes nothing of the process' 'it changes the environment'
tells uses_the_setup_after_open 'replaces, deletes' 'uses the setup of open after open has returned'
tells holds_a_lock_in_check_each 'for each check of a history' 'it hangs in get'
tells compares_no_version 'put_if stores in place' 'does not give PXT_ESTALE'
tells takes_a_tombstone_for_nothing 'put_if stores in place' 'a tombstone is stored'
tells deletes_any_version 'del_if removes' 'than the stored one does not give PXT_ESTALE'
tells compares_and_writes_in_two_steps 'by put_if in sixteen threads' 'changes are in it'
tells stops_at_the_first_other_version 'put_if_many is put_if' 'is stored as expected is ESTALE\|is stored as expected is PXT_ESTALE'
tells says_ok_of_all 'put_if_many is put_if' 'stored otherwise is'
tells gives_a_key_once 'get_many gives' 'does not give the entry of "a"'
tells waits_beyond_the_deadline 'with a deadline' 'waits for 3'
tells lets_one_more_hold_a_key 'no more workers' 'that 3 may hold, 4 leases'
tells counts_leases_of_all_keys 'no more workers' 'keep another from being leased'
tells forgets_the_holder 'no more workers' 'the holder of a lease'
tells keeps_what_was_ended 'no more workers' 'was ended is still held'
tells looks_at_no_id 'not held, or has ended' 'by another id than its own'
tells renews_what_is_lost 'not held, or has ended' 'nobody took is renewed'
tells ends_what_is_lost 'not held, or has ended' 'nobody took is renewed, or ended'
tells leases_do_not_end 'by the clock of the host' 'a minute after its end'
tells leases_do_not_end 'ends by itself, in time' 'for five seconds'
tells renews_nothing 'by the clock of the host' 'ends at its old time'
tells counts_and_takes_in_two_steps 'sixteen threads hold' 'that 4 may hold'
tells orders_by_the_key 'order of the ring' 'is next in the order'
tells has_all_values_0 'order of the ring' 'with the place 0, not'
tells ends_before_to 'order of the ring' 'up to another) tells .* are asked for'
tells begins_after_from 'by the least used' 'is next in the order'
tells ignores_after 'order of the ring' 'which is not asked for'
tells takes_after_for_a_value 'by the least used' 'after a key) tells'
tells ignores_the_limit 'order of the ring' 'and the limit is'
tells does_not_stop_select 'order of the ring' 'goes on after its function returned false'
tells orders_values_only 'by the least recently used' 'is next in the order'
tells takes_the_most_used 'by the least used' 'is next in the order'
tells has_unknown_latencies_first 'by the fastest' 'is next in the order\|with the place'
tells picks_of_the_first_ones 'picks each match' 'of 2000 picks'
tells picks_one_too_few 'picks each match' '100 picks are asked for'
tells picks_any_entry 'picks each match' 'which does not match'
tells tells_expired_ones 'passes over' 'which has expired'
tells tells_tombstones 'passes over' 'which is a tombstone'
tells tells_a_microsecond_long 'passes over' 'at the microsecond'
tells looks_at_no_selection 'finds by source' 'which is not asked for'
for criterion in health source scheme host country tag; do
    tells "looks_at_no_$criterion" "finds by $criterion" "$criterion) tells .* not asked for"
done
tells looks_at_no_max_failures 'finds by failures' 'not asked for'
tells looks_at_no_max_latency_ms 'finds by latency' 'not asked for'
tells looks_at_no_min_ttl 'finds by time to live' 'not asked for'
tells forgets_the_last 'order of the ring' 'keys, [0-9]* are asked for'
LIAR_PASSWORD='a password of the liar'
export LIAR_PASSWORD
arguments='--options password=env:LIAR_PASSWORD'
tells logs_its_password 'writes the secret' 'its secret into a log line'
tells writes_its_password 'writes the secret' 'its secret to .*/login'
arguments=

liar=liar_policy
tells keeps_nobody_out 'nobody in particular' 'it keeps the newcomer out'
tells has_no_victim_for_a_newcomer 'a newcomer comes in' 'no victim for a newcomer'
tells takes_a_miss_for_an_entry 'misses has an end' 'each has to be one some day'
tells remembers_all_misses 'misses has an end' 'more stay allocated'
tells loses_an_entry_in_100_removals 'in many removals' 'each has to be one some day'
tells looks_at_all_entries 'number of entries' 'must not grow with the number of entries'
limit=3s
tells loops_over_times 'number of hits' 'its cost must not grow with .times.'
limit=
[ -n "$sanitized" ] || tells divides_by_the_capacity_less_one 'small capacities' 'signal 8 .* in open'
tells victim_takes_it_out 'stays until it is removed' 'it has none any more'
tells has_one_entry_a_hash 'one hash' 'each has to be one some day'
tells keeps_what_expired 'for whatever reason' 'an entry that was removed\|entries are in it'
tells writes_states_in_close 'close leaves' 'close writes to the state'
tells takes_no_more_than_its_capacity 'more entries than its capacity' 'over its capacity'

liar=liar_encryptor
tells nonces_count_from_zero 'different nonces' 'sealed by several instances'
tells nonces_have_16_bits 'no nonce twice' 'its nonce is used twice'
tells logs_the_text 'says no secret' 'a part of the text into a log line'
tells says_the_text_in_errors 'says no secret' 'a part of the text into a log line or an error'
tells makes_a_public_key_file 'key to itself' 'can be read or written by others'
tells takes_a_public_key_file 'key to itself' 'takes a key from a file that others can read'
tells names_keys_by_their_bytes 'tells no key' 'key_ids gives a part of the key'
tells says_tokens_in_errors 'says no secret' 'a part of a token'
tells leaves_the_text_that_it_refuses 'gives nothing away' 'leaves the text'
tells breaks_at_a_long_token 'refuses any bytes' 'signal 6'
tells key_ids_ignores_the_size 'tells no key' 'not PXT_EINVAL'
done_testing
