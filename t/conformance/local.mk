# SPDX-License-Identifier: MIT
script_tests += %D%/conformance.t %D%/faulty.t %D%/liars.t %D%/stores.t

# Plugins whose fault is chosen by the environment variable LIE: t/conformance/liars.t.
check_LTLIBRARIES += %D%/liar_encryptor.la %D%/liar_policy.la %D%/liar_tier.la
EXTRA_DIST += %D%/liars/lies.h %D%/liars/store.h %D%/liars/tier.h
liar_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%C%_liar_encryptor_la_SOURCES = %D%/liars/encryptor.c
%C%_liar_encryptor_la_LDFLAGS = $(liar_ldflags)
%C%_liar_policy_la_SOURCES = %D%/liars/policy.c
%C%_liar_policy_la_LDFLAGS = $(liar_ldflags)
%C%_liar_tier_la_SOURCES = \
    %D%/liars/entries.c %D%/liars/history.c %D%/liars/leases.c %D%/liars/optional.c %D%/liars/remote.c %D%/liars/select.c %D%/liars/store.c %D%/liars/tier.c
%C%_liar_tier_la_LDFLAGS = $(liar_ldflags)

# Plugins with one fault each: `proxtier plugin test` has to find it (faulty.t).
faulty_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_LTLIBRARIES += \
    %D%/faulty/instances_share_entries.la %D%/faulty/not_thread_safe.la %D%/faulty/hangs_in_open.la \
    %D%/faulty/crashes_in_close.la %D%/faulty/changes_the_locale.la %D%/faulty/changes_the_folder.la \
    %D%/faulty/changes_the_umask.la %D%/faulty/installs_a_signal_handler.la %D%/faulty/leaves_self_unset.la \
    %D%/faulty/fails_without_an_error.la %D%/faulty/keeps_entries_after_close.la %D%/faulty/leaks_its_memory.la \
    %D%/faulty/leaks_with_each_put.la %D%/faulty/looks_at_eight_bytes_of_a_key.la %D%/faulty/prints.la \
    %D%/faulty/holds_once_too_often.la %D%/faulty/says_ok_for_a_missing_key.la %D%/faulty/loses_a_field.la \
    %D%/faulty/keeps_the_first_of_two_puts.la %D%/faulty/counts_every_put.la %D%/faulty/deletes_nothing.la \
    %D%/faulty/says_ok_when_nothing_was_deleted.la %D%/faulty/calls_back_under_its_lock.la \
    %D%/faulty/skips_the_last_in_each.la %D%/faulty/gives_one_twice_in_each.la %D%/faulty/does_not_stop_each.la \
    %D%/faulty/clear_leaves_one.la %D%/faulty/put_many_drops_the_last.la %D%/faulty/touch_counts_one_hit.la \
    %D%/faulty/expires_a_microsecond_late.la %D%/faulty/expires_beyond_the_limit.la \
    %D%/faulty/expires_silently.la %D%/faulty/says_durable_and_forgets.la %D%/faulty/policy_leaks.la \
    %D%/faulty/overruns_its_state.la %D%/faulty/has_a_victim_when_empty.la \
    %D%/faulty/has_no_victim_when_there_is_one_entry.la %D%/faulty/victims_at_random.la \
    %D%/faulty/token_is_longer_than_said.la %D%/faulty/token_holds_the_text.la \
    %D%/faulty/opens_changed_tokens.la %D%/faulty/opens_to_other_text.la %D%/faulty/says_that_it_binds.la \
    %D%/faulty/crashes_when_loaded.la %D%/faulty/blocks_a_signal.la %D%/faulty/saves_when_closed.la \
    %D%/faulty/ignores_failed_writes.la %D%/faulty/instances_share_a_ring.la \
    %D%/faulty/threads_share_a_buffer.la
# A correct tier with versions, and faults of it.
check_LTLIBRARIES += \
    %D%/faulty/versioned.la %D%/faulty/compares_with_what_it_read_before.la %D%/faulty/loses_the_supplied_version.la %D%/faulty/loses_the_reason_of_a_tombstone.la \
    %D%/faulty/keeps_versions_as_doubles.la %D%/faulty/takes_older_versions.la \
    %D%/faulty/lets_an_older_entry_replace_a_tombstone.la %D%/faulty/refuses_the_version_that_it_has.la \
    %D%/faulty/deletes_instead_of_keeping_a_tombstone.la %D%/faulty/del_leaves_tombstones.la %D%/faulty/del_tells_of_tombstones.la \
    %D%/faulty/counts_tombstones.la %D%/faulty/put_many_stops_in_the_middle.la %D%/faulty/evicts_tombstones.la \
    %D%/faulty/expires_any_version.la %D%/faulty/forgets_the_dead.la %D%/faulty/never_expires_tombstones.la \
    %D%/faulty/reports_expired_tombstones.la %D%/faulty/versions_without_tombstones.la \
    %D%/faulty/versions_from_that_on.la %D%/faulty/versions_without_unknown_ones.la \
    %D%/faulty/gives_a_version_twice.la %D%/faulty/does_not_stop_versions.la %D%/faulty/has_an_empty_record.la \
    %D%/faulty/cuts_a_long_record.la %D%/faulty/forgets_tombstones_when_closed.la
EXTRA_DIST += \
    %D%/faulty/bad_encryptor.h %D%/faulty/good_policy.h %D%/faulty/good_tier.h \
    %D%/faulty/versioned_tier.h
%C%_faulty_instances_share_entries_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_not_thread_safe_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_hangs_in_open_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_crashes_in_close_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_changes_the_locale_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_changes_the_folder_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_changes_the_umask_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_installs_a_signal_handler_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_leaves_self_unset_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_fails_without_an_error_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_keeps_entries_after_close_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_leaks_its_memory_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_leaks_with_each_put_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_looks_at_eight_bytes_of_a_key_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_prints_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_holds_once_too_often_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_says_ok_for_a_missing_key_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_loses_a_field_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_keeps_the_first_of_two_puts_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_counts_every_put_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_deletes_nothing_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_says_ok_when_nothing_was_deleted_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_calls_back_under_its_lock_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_skips_the_last_in_each_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_gives_one_twice_in_each_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_does_not_stop_each_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_clear_leaves_one_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_put_many_drops_the_last_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_touch_counts_one_hit_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_expires_a_microsecond_late_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_expires_beyond_the_limit_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_expires_silently_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_says_durable_and_forgets_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_policy_leaks_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_overruns_its_state_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_has_a_victim_when_empty_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_has_no_victim_when_there_is_one_entry_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_victims_at_random_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_token_is_longer_than_said_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_token_holds_the_text_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_opens_changed_tokens_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_opens_to_other_text_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_says_that_it_binds_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_crashes_when_loaded_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_blocks_a_signal_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_saves_when_closed_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_ignores_failed_writes_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_instances_share_a_ring_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_threads_share_a_buffer_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_versioned_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_loses_the_supplied_version_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_loses_the_reason_of_a_tombstone_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_keeps_versions_as_doubles_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_takes_older_versions_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_lets_an_older_entry_replace_a_tombstone_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_refuses_the_version_that_it_has_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_deletes_instead_of_keeping_a_tombstone_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_del_leaves_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_del_tells_of_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_counts_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_put_many_stops_in_the_middle_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_evicts_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_expires_any_version_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_forgets_the_dead_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_never_expires_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_reports_expired_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_versions_without_tombstones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_versions_from_that_on_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_versions_without_unknown_ones_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_gives_a_version_twice_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_does_not_stop_versions_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_has_an_empty_record_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_cuts_a_long_record_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_forgets_tombstones_when_closed_la_LDFLAGS = $(faulty_ldflags)
%C%_faulty_compares_with_what_it_read_before_la_LDFLAGS = $(faulty_ldflags)
