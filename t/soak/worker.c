/* SPDX-License-Identifier: MIT
 *
 * worker.c: see worker.h.
 */
#include "worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELD_MAX = 3, TICK_EVERY = 300, OPEN_EVERY = 3000, REST_US = 2000 /* after a call that was refused */ };

struct lease {
    char id[PXT_LEASE_ID_MAX + 1];
    int32_t key, number;
};
struct state {
    const struct worker *worker;
    pxt_cache *cache;
    uint64_t random;
    struct lease held[HELD_MAX];
    unsigned held_count;
    struct pxt_error error;
};

static int below(struct state *state, int bound)
{
    state->random = state->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((state->random >> 33) % (uint64_t)bound);
}

static struct event new_event(const struct state *state, enum call call, int key)
{
    return (struct event){.key = key,
                          .value = NOTHING,
                          .call = (uint8_t)call,
                          .host = (uint8_t)state->worker->host_number,
                          .process = (uint8_t)state->worker->process};
}

/* A number that no other call has. */
static int32_t next_number(const struct state *state)
{
    const struct worker *worker = state->worker;
    return *worker->last += WRITERS;
}

/* Ends a call: notes it with its status. */
static pxt_status note(struct state *state, struct event *event, pxt_status status)
{
    event->end = monotonic_ns();
    event->status = (uint8_t)status;
    journal_note(state->worker->journal, event);
    return status;
}

static pxt_status put(struct state *state)
{
    struct event event = new_event(state, CALL_PUT, below(state, FIRST_LEASED));
    event.value = next_number(state);
    return note(state, &event, pool_put(state->cache, &event, &state->error));
}

static pxt_status delete (struct state *state)
{
    char key[KEY_TEXT];
    struct event event = new_event(state, CALL_DELETE, below(state, REGISTERS));
    key_text(event.key, key);
    event.begin = monotonic_ns();
    return note(state, &event, pxt_cache_delete(state->cache, key, &state->error));
}

static pxt_status report(struct state *state)
{
    char key[KEY_TEXT];
    struct pxt_report outcome = {.size = sizeof outcome, .ok = below(state, 3) != 0, .latency_ms = 10};
    struct event event = new_event(state, CALL_REPORT, below(state, FIRST_LEASED));
    key_text(event.key, key);
    event.begin = monotonic_ns();
    return note(state, &event, pxt_cache_report(state->cache, key, &outcome, NULL, NULL, &state->error));
}

static pxt_status get(struct state *state)
{
    struct event event = new_event(state, CALL_GET, below(state, KEYS));
    return note(state, &event, pool_get(state->cache, &event, &state->error));
}

static pxt_status lease(struct state *state)
{
    struct lease *lease = &state->held[state->held_count];
    struct event event = new_event(state, CALL_LEASE, NOTHING);
    bool shared = below(state, 3) == 0;
    struct pxt_selection selection;
    struct pxt_lease_options options = {.size = sizeof options, .max_concurrent = shared ? 2 : 1, .ttl = LEASE_TTL};
    pxt_entry *entry = NULL;
    pxt_selection_init(&selection);
    selection.source = lease_source[shared];
    event.value = next_number(state);
    event.begin = monotonic_ns();
    pxt_status status = pxt_cache_lease(state->cache, &selection, NULL, &options, &entry, lease->id, &state->error);
    event.end = monotonic_ns();
    if (!status) {
        event.key = lease->key = key_number(pxt_entry_key(entry));
        lease->number = event.value;
        state->held_count++;
    }
    pxt_entry_release(entry);
    return note(state, &event, status);
}

static pxt_status renew(struct state *state)
{
    unsigned which = (unsigned)below(state, (int)state->held_count);
    struct lease *lease = &state->held[which];
    struct event event = new_event(state, CALL_RENEW, lease->key);
    event.value = lease->number;
    event.begin = monotonic_ns();
    pxt_status status = pxt_cache_renew(state->cache, lease->id, LEASE_TTL, &state->error);
    if (status == PXT_NOT_FOUND)
        *lease = state->held[--state->held_count];
    return note(state, &event, status);
}

/* Gives a lease back, with a report. */
static pxt_status release(struct state *state)
{
    unsigned which = (unsigned)below(state, (int)state->held_count);
    struct lease lease = state->held[which];
    struct event event = new_event(state, CALL_RELEASE, lease.key);
    struct pxt_report outcome = {.size = sizeof outcome, .ok = true, .latency_ms = 10};
    event.value = lease.number;
    state->held[which] = state->held[--state->held_count];
    event.begin = monotonic_ns();
    return note(state, &event, pxt_cache_release(state->cache, lease.id, &outcome, NULL, NULL, &state->error));
}

static pxt_status use_leases(struct state *state)
{
    if (state->held_count < HELD_MAX && below(state, 2))
        return lease(state);
    if (!state->held_count)
        return lease(state);
    return below(state, 3) ? release(state) : renew(state);
}

/* A process ends, and another one begins; it may find the server away. Leases are known by their names. */
static pxt_status open_again(struct state *state)
{
    pxt_cache_close(state->cache);
    for (int i = 0; i < 1000; i++, usleep(20000))
        if (!pool_open(&state->worker->host, &state->cache, &state->error))
            return PXT_OK;
    return PXT_EUNAVAILABLE;
}

static pxt_status call_something(struct state *state)
{
    int what = below(state, 100);
    if (what < 20)
        return put(state);
    if (what < 25)
        return delete (state);
    if (what < 43)
        return report(state);
    return what < 57 ? use_leases(state) : get(state);
}

/* Whether a call may answer so while the server is away. */
static bool is_expected(pxt_status status)
{
    return status == PXT_OK || status == PXT_NOT_FOUND || status == PXT_EUNAVAILABLE || status == PXT_EIO ||
           status == PXT_EBUSY;
}

int work(const struct worker *worker)
{
    struct state state = {.worker = worker, .random = worker->seed};
    if (open_again(&state)) {
        fprintf(stderr, "# no cache: %s\n", state.error.message);
        return 2;
    }
    while (atomic_load(worker->done) < worker->enough) {
        pxt_status status = call_something(&state);
        if (!is_expected(status)) {
            fprintf(stderr, "# host %u, process %u: status %d: %s\n", worker->host_number, worker->process, (int)status,
                    state.error.message);
            return 3;
        }
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            atomic_fetch_add(worker->done, 1);
        else
            usleep(REST_US);
        if (below(&state, TICK_EVERY) == 0)
            pxt_cache_tick(state.cache, NULL, NULL);
        if (below(&state, OPEN_EVERY) == 0 && open_again(&state))
            return 2;
    }
    pxt_cache_close(state.cache);
    return 0;
}
