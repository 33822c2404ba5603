/* SPDX-License-Identifier: MIT
 *
 * members.c: the durable tiers of a pool, as the page knows them while the machine runs, and as each tier's record knows
 * them afterwards.
 */
#include "chain/members.h"
#include "base/fail.h"
#include "base/paths.h"
#include "chain/change.h"
#include "chain/older_hints.h"
#include "chain/stripes.h"
#include "shared/removals.h"
#include <stdlib.h>
#include <string.h>

/* The mark in each record is renewed when it is less than MARK_LOW ahead of the clock, or of the versions. With each new page
 * the versions are up to MARK_AHEAD further ahead of the clock, by which other programs' entries are compared. */
#define MARK_AHEAD (3600 * PXT_SECOND)
#define MARK_LOW (MARK_AHEAD / 2)

struct joining {
    struct pxt_record record[PXT_CHAIN_MAX];
    bool is_new[PXT_CHAIN_MAX]; /* the tier had no record, or its record must be written */
    bool candidate[PXT_CHAIN_MAX];
    unsigned candidates;
    struct pxt_tier *slowest; /* of the candidates */
    bool power;
};

/* Private durable tiers are members only where no tier is shared: each process has its own. */
static bool is_candidate(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return pxt_tier_present(tier) && pxt_tier_durable(tier) && pxt_tier_stores(tier) &&
           ((!chain->shared && !chain->authority) || (tier->flags & PXT_TIER_SHARED));
}

/* For the record of a tier that joined before, and is off now or keeps none: its record is looked at when it is on. */
static void stand_in(struct pxt_record *record, const struct pxt_tier *tier)
{
    *record = (struct pxt_record){.checkpoint = UINT64_MAX};
    memcpy(record->id, tier->id, sizeof record->id);
}

static pxt_status read_record(struct pxt_chain *chain, struct pxt_tier *tier, struct joining *joining,
                              struct pxt_error *error)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record *record = &joining->record[tier->index];
    pxt_status status = pxt_tier_record_get(tier, text, error);
    if (status == PXT_OK)
        status = pxt_record_read(record, text, tier->name, error);
    if (status == PXT_ECORRUPT) {
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain",
                "the record of tier %s is damaged: all its entries are compared with those of the other tiers",
                tier->name);
        status = PXT_NOT_FOUND;
    }
    bool keeps_none = status == PXT_NOT_FOUND && !(tier->flags & PXT_TIER_SHARED) && !tier->ops->record_get;
    if (tier->id[0] && (keeps_none || (status != PXT_OK && !pxt_tier_on(tier)))) {
        stand_in(record, tier);
        return PXT_OK;
    }
    if (status && status != PXT_NOT_FOUND && (tier->flags & PXT_TIER_REMOTE)) { /* the others go on */
        bool unknown = !tier->id[0] || atomic_load(&chain->restarts) != atomic_load(&chain->joined_restarts);
        if (unknown) /* which store it is: it joins when it answers */
            pxt_breaker_open(&tier->breaker, pxt_clock_monotonic_ms(), error->message);
        stand_in(record, tier);
        return PXT_OK;
    }
    if (status != PXT_NOT_FOUND)
        return status;
    joining->is_new[tier->index] = true;
    return pxt_record_new(record, error);
}

static pxt_status read_records(struct pxt_chain *chain, struct joining *joining, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!is_candidate(chain, tier))
            continue;
        pxt_status status = read_record(chain, tier, joining, error);
        if (status)
            return status;
        if (!joining->record[i].id[0])
            continue;
        joining->candidate[i] = true;
        joining->candidates++;
        joining->slowest = tier;
        joining->power |= (tier->flags & PXT_TIER_SYNCED) != 0;
    }
    return PXT_OK;
}

/* Where the page stands: there where a record says, if that is still a place; else beside the slowest shared tier. So a
 * process that lacks the slowest tier uses the same page as the others. */
static const char *place_of_page(const struct pxt_chain *chain, const struct joining *joining)
{
    for (unsigned i = chain->count; i-- > 0 && (chain->shared || chain->authority);)
        if (joining->candidate[i] && joining->record[i].page[0] && pxt_path_folder_exists(joining->record[i].page))
            return joining->record[i].page;
    return chain->shared ? pxt_tier_shared_path(chain->shared) : chain->remote_place;
}

/* Returns the slot of a member by its id, or by its name if `id` is NULL; -1: none. */
static int find_member(const struct pxt_chain *chain, const char *id, const char *name)
{
    char member[PXT_MEMBER_ID + 1], called[64];
    for (unsigned slot = 0; slot < PXT_CHAIN_MAX; slot++)
        if (pxt_page_member(&chain->page, slot, member, called) && !strcmp(id ? id : name, id ? member : called))
            return (int)slot;
    return -1;
}

static bool is_present(const struct pxt_chain *chain, const struct joining *joining, const char *id)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (joining->candidate[i] && !strcmp(joining->record[i].id, id))
            return true;
    return false;
}

/* The slowest tier. If the pool has a complete tier that this process lacks, none of its tiers is that. */
static struct pxt_tier *find_slowest(const struct pxt_chain *chain, const struct joining *joining)
{
    const struct pxt_record *record = joining->slowest ? &joining->record[joining->slowest->index] : NULL;
    for (unsigned i = 0; record && i < record->member_count; i++)
        if (record->member[i].complete && !is_present(chain, joining, record->member[i].id) &&
            find_member(chain, record->member[i].id, NULL) >= 0)
            return NULL;
    return joining->slowest;
}

/* After a new start of the machine the page has no members: those that the slowest tier knows belong to the pool, whether
 * this process has them or not. */
static void join_known(struct pxt_chain *chain, const struct joining *joining)
{
    const struct pxt_record *record = &joining->record[joining->slowest->index];
    bool joined;
    for (unsigned i = 0; i < record->member_count; i++)
        pxt_page_join(&chain->page, record->member[i].id, record->member[i].name, &joined);
}

/* A tier that has a new store takes the place of the member that had its name. */
static void leave_replaced(struct pxt_chain *chain, const struct joining *joining, const struct pxt_tier *tier)
{
    char id[PXT_MEMBER_ID + 1], name[64];
    int slot = find_member(chain, NULL, tier->name);
    if (slot < 0 || !pxt_page_member(&chain->page, (unsigned)slot, id, name) || is_present(chain, joining, id))
        return;
    pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain",
            "tier %s has another store than before: entries that only the old one had are no longer in the pool",
            tier->name);
    pxt_page_leave(&chain->page, (unsigned)slot);
}

/* A store that went back to an older content, as from a backup, must be compared with the others as a whole; a faster tier
 * may have entries whose tombstones are gone, and is emptied. */
static pxt_status doubt_older(struct pxt_chain *chain, struct joining *joining, struct pxt_tier *tier,
                              struct pxt_error *error)
{
    uint64_t checkpoint, dropped, removed, own = joining->record[tier->index].checkpoint;
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    if (own >= checkpoint && own >= dropped)
        return PXT_OK;
    pxt_words_doubt_all(&chain->page, (pxt_doubts)(1u << tier->slot));
    pxt_page_set_checkpoint(&chain->page, own < checkpoint ? own : checkpoint, dropped);
    if (own >= dropped || joining->is_new[tier->index] || tier == joining->slowest)
        return PXT_OK;
    if (!tier->limited) /* it must get every key again */
        pxt_page_set_checkpoint(&chain->page, 0, dropped);
    pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "tier %s has an older content than before: it is emptied",
            tier->name);
    pxt_status status = pxt_tier_clear(tier, &removed, error);
    if (!status) { /* it has nothing that is older: it is not emptied again */
        joining->record[tier->index].checkpoint = dropped;
        joining->is_new[tier->index] = true;
    }
    return status;
}

/* Whether a tier was used with another page than this one: when the folder of this one could not be reached. */
static bool had_another_page(const struct pxt_chain *chain, const struct pxt_record *record)
{
    return chain->page_place && record->page[0] && strlen(chain->page_place) < sizeof record->page &&
           strcmp(record->page, chain->page_place);
}

/* This page knows nothing of what was changed meanwhile. All keys are locked. */
static void doubt_after_another_page(struct pxt_chain *chain, const struct joining *joining)
{
    const char *name = NULL;
    for (unsigned i = 0; i < chain->count; i++)
        if (joining->candidate[i] && had_another_page(chain, &joining->record[i])) {
            pxt_version_learn(&chain->page, joining->record[i].mark);
            name = chain->tier[i].name;
        }
    if (!name)
        return;
    pxt_words_doubt_all(&chain->page, pxt_page_members(&chain->page));
    pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain",
            "tier %s was used without %s.page: what has changed since all tiers agreed is compared", name,
            chain->page_place);
}

/* Sets the checkpoint of a new page by the records. */
static void take_checkpoint(struct pxt_chain *chain, const struct joining *joining)
{
    uint64_t checkpoint = UINT64_MAX, dropped = 0;
    for (unsigned i = 0; i < chain->count; i++) {
        const struct pxt_record *record = &joining->record[i];
        if (!joining->candidate[i])
            continue;
        checkpoint = record->checkpoint < checkpoint ? record->checkpoint : checkpoint;
        dropped = record->dropped > dropped ? record->dropped : dropped;
        pxt_version_learn(&chain->page, record->mark);
        if (record->checkpoint != UINT64_MAX)
            pxt_version_pass(&chain->page, record->checkpoint); /* a repair skips what is not above it */
    }
    pxt_page_set_checkpoint(&chain->page, checkpoint == UINT64_MAX ? 0 : checkpoint, dropped);
}

/* All keys are locked. */
static pxt_status join_locked(struct pxt_chain *chain, struct joining *joining, struct pxt_error *error)
{
    bool fresh = !pxt_page_members(&chain->page), joined;
    if (fresh) {
        join_known(chain, joining);
        take_checkpoint(chain, joining);
    }
    pxt_removals_begin(&chain->page);
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!joining->candidate[i])
            continue;
        if (find_member(chain, joining->record[i].id, NULL) < 0)
            leave_replaced(chain, joining, tier);
        tier->slot = pxt_page_join(&chain->page, joining->record[i].id, tier->name, &joined);
        if (tier->slot < 0)
            return pxt_fail(error, PXT_ECONFIG, 0, "the pool has %d members already: forget one", PXT_CHAIN_MAX);
        memcpy(tier->id, joining->record[i].id, sizeof tier->id);
        pxt_status status = doubt_older(chain, joining, tier, error);
        if (status)
            return status;
    }
    doubt_after_another_page(chain, joining);
    return pxt_older_hints_exist(chain) ? pxt_older_hints_take(chain, joining->is_new, error) : PXT_OK;
}

static bool was_complete(const struct pxt_record *record, const char *id)
{
    for (unsigned i = 0; i < record->member_count; i++)
        if (record->member[i].complete && !strcmp(record->member[i].id, id))
            return true;
    return false;
}

/* Returns a version this long after now, and after the last version, also one that is too far ahead. */
static uint64_t version_ahead(const struct pxt_chain *chain, pxt_time by)
{
    uint64_t now = pxt_version_of_time(pxt_clock_now(&chain->clock)), last = pxt_version_last(&chain->page);
    return pxt_version_max(pxt_version_max(now, last), pxt_version_far(&chain->page)) + pxt_version_of_time(by);
}

/* Writes a record that was read a while ago: a checkpoint that another process has stored meanwhile stays. All keys are
 * locked. */
static pxt_status write_record(struct pxt_tier *tier, struct pxt_record *record, struct pxt_error *error)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record now;
    if (!pxt_tier_record_get(tier, text, NULL) && !pxt_record_read(&now, text, tier->name, NULL) &&
        !strcmp(now.id, record->id)) {
        record->checkpoint = now.checkpoint > record->checkpoint ? now.checkpoint : record->checkpoint;
        record->dropped = now.dropped > record->dropped ? now.dropped : record->dropped;
    }
    pxt_status status = pxt_record_write(record, text, error);
    return status ? status : pxt_tier_record_put(tier, text, error);
}

/* Writes down what has changed in the record of a tier: the members, the place of the page, the mark. `locked`: all keys
 * are. */
static pxt_status update_record(struct pxt_chain *chain, struct joining *joining, struct pxt_tier *tier, bool locked,
                                struct pxt_error *error)
{
    struct pxt_record *record = &joining->record[tier->index], old = *record;
    if (record->checkpoint == UINT64_MAX)
        return PXT_OK; /* it was off a moment ago, or keeps none */
    record->member_count = 0;
    for (unsigned slot = 0; slot < PXT_CHAIN_MAX; slot++) {
        struct pxt_record_member *member = &record->member[record->member_count];
        if (!pxt_page_member(&chain->page, slot, member->id, member->name))
            continue;
        member->complete = chain->slowest ? chain->slowest->slot == (int)slot : was_complete(&old, member->id);
        record->member_count++;
    }
    if (record->mark < version_ahead(chain, MARK_LOW))
        record->mark = version_ahead(chain, MARK_AHEAD);
    const char *page = chain->page.path ? chain->page_place : "";
    if (strlen(page) < sizeof record->page)
        memcpy(record->page, page, strlen(page) + 1);
    bool same = !joining->is_new[tier->index] && !record->outdated && record->mark == old.mark &&
                !strcmp(record->page, old.page) && record->member_count == old.member_count &&
                !memcmp(record->member, old.member, record->member_count * sizeof *record->member);
    pxt_status status = same || locked ? PXT_OK : pxt_chain_lock_all(chain, error);
    if (same || status)
        return status;
    status = write_record(tier, record, error);
    if (!locked)
        pxt_chain_unlock_all(chain);
    return status;
}

static void update_records(struct pxt_chain *chain, struct joining *joining, bool locked, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (joining->candidate[i] && pxt_tier_on(&chain->tier[i]) &&
            update_record(chain, joining, &chain->tier[i], locked, error))
            pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "the record of tier %s cannot be written: %s",
                    chain->tier[i].name, error ? error->message : "");
}

/* A pool of one durable tier has nothing to compare, and needs neither members nor records. */
static bool needs_members(const struct pxt_chain *chain, const struct joining *joining)
{
    bool known = false;
    for (unsigned i = 0; i < chain->count; i++)
        known |= joining->candidate[i] && !joining->is_new[i];
    return joining->candidates > 1 || (joining->candidates && (known || pxt_page_members(&chain->page)));
}

static bool all_joined(struct pxt_chain *chain, const struct joining *joining)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    for (unsigned i = 0; i < chain->count; i++) {
        if (!joining->candidate[i])
            continue;
        chain->tier[i].slot = find_member(chain, joining->record[i].id, NULL);
        memcpy(chain->tier[i].id, joining->record[i].id, sizeof chain->tier[i].id);
        if (chain->tier[i].slot < 0 || joining->record[i].checkpoint < checkpoint ||
            had_another_page(chain, &joining->record[i]))
            return false;
    }
    return true;
}

/* Other processes may have written records since they were read: of a new store, or with a later checkpoint. All keys are
 * locked, and what is written here is written before they are unlocked. */
static pxt_status read_records_again(struct pxt_chain *chain, struct joining *joining, struct pxt_error *error)
{
    memset(joining, 0, sizeof *joining);
    return read_records(chain, joining, error);
}

/* For a pool of one tier. */
static pxt_status take_older_hints(struct pxt_chain *chain, const struct joining *joining, struct pxt_error *error)
{
    pxt_status status = pxt_older_hints_exist(chain) ? pxt_chain_lock_all(chain, error) : PXT_NOT_FOUND;
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    status = pxt_older_hints_take(chain, joining->is_new, error);
    pxt_chain_unlock_all(chain);
    return status;
}

static pxt_status join(struct pxt_chain *chain, struct joining *joining, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    uint32_t epoch = pxt_page_epoch(&chain->page);
    if (!needs_members(chain, joining)) {
        status = take_older_hints(chain, joining, error);
        chain->slowest = joining->slowest;
        chain->power |= joining->power;
        atomic_store(&chain->joined_epoch, epoch);
        return status;
    }
    bool lock = !all_joined(chain, joining) || pxt_older_hints_exist(chain);
    if (lock) {
        status = pxt_chain_lock_all(chain, error);
        if (status)
            return status;
        status = read_records_again(chain, joining, error);
        if (!status)
            status = join_locked(chain, joining, error);
        epoch = pxt_page_epoch(&chain->page);
    }
    if (!status)
        atomic_store(&chain->joined_epoch, epoch);
    /* Only now: other threads read this meanwhile, and it stays as it is if a record cannot be read. */
    chain->slowest = find_slowest(chain, joining);
    atomic_store(&chain->page.authority, chain->authority ? pxt_chain_bit(chain, chain->authority) : 0);
    chain->power |= joining->power;
    if (!status)
        update_records(chain, joining, lock, error);
    if (lock)
        pxt_chain_unlock_all(chain);
    return status;
}

pxt_status pxt_members_open(struct pxt_chain *chain, int64_t lock_timeout_ms, struct pxt_error *error)
{
    struct joining *joining = pxt_alloc(sizeof *joining);
    struct pxt_error local;
    if (!joining)
        return pxt_fail_memory(error, "the members of a pool");
    chain->generations = chain->any_durable || chain->shared || chain->authority;
    pxt_status status = read_records(chain, joining, error ? error : &local);
    const char *place = status ? NULL : place_of_page(chain, joining);
    if (!status && place) {
        chain->page_place = pxt_asprintf("%s", place);
        status = chain->page_place ? PXT_OK : pxt_fail_memory(error, "a path");
    }
    if (!status)
        status = pxt_page_open(&chain->page, place, lock_timeout_ms, &chain->clock, error);
    if (!status) {
        chain->page.max_skew = chain->max_skew;
        pxt_page_writer(&chain->page, chain->writer);
        atomic_store(&chain->joined_page, atomic_load(&chain->page.reopened));
        status = join(chain, joining, error ? error : &local);
    }
    if (!status)
        chain->join_again = pxt_members_check;
    atomic_store(&chain->listening, !status);
    for (unsigned i = 0; i < chain->count; i++) {
        chain->tier[i].damaged_arg = chain;
        chain->tier[i].damaged = pxt_member_damaged;
        chain->tier[i].unsynced = pxt_member_unsynced;
    }
    pxt_free(joining);
    return status;
}

static pxt_status check_members(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status status = pxt_page_check(&chain->page, error);
    unsigned reopened = atomic_load(&chain->page.reopened), restarts = atomic_load(&chain->restarts);
    struct joining *joining = status ? NULL : pxt_alloc(sizeof *joining);
    if (!joining)
        return status ? status : pxt_fail_memory(error, "the members of a pool");
    status = read_records(chain, joining, error);
    if (!status)
        status = join(chain, joining, error);
    if (!status) {
        atomic_store(&chain->joined_page, reopened);
        atomic_store(&chain->joined_restarts, restarts);
    }
    pxt_free(joining);
    return status;
}

pxt_status pxt_members_check(struct pxt_chain *chain, struct pxt_error *error)
{
    struct pxt_error local;
    pthread_mutex_lock(&chain->join_lock);
    pxt_status status = check_members(chain, error ? error : &local);
    pthread_mutex_unlock(&chain->join_lock);
    return status;
}
