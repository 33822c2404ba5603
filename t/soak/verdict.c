/* SPDX-License-Identifier: MIT
 *
 * verdict.c: see verdict.h. All that is known before a time is found by a binary search: a million events take seconds.
 */
#include "verdict.h"
#include "pool.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const fault_text[FAULT_COUNT] = {
#define X(id, text) text,
    FAULTS(X)
#undef X
};

/* At `time` it is known that something reached `value`. */
struct fact {
    int64_t time, value;
    const struct event *from;
};
/* Facts by time; each has the greatest value of those before it. */
struct facts {
    struct fact *fact;
    size_t count;
};

/* The events of one key, by their begin. */
struct history {
    const struct event *events, **puts; /* puts by value */
    size_t count, put_count;
    struct facts deletes; /* by begin: the latest end */
};

/* Whose answers are judged together: of a host, or of one process of it. */
struct view {
    int host;    /* BOTH_HOSTS: what is said at rest */
    int process; /* ALL_PROCESSES */
};
enum { BOTH_HOSTS = HOSTS, ALL_PROCESSES = -1 };

void found(struct findings *findings, enum fault fault, const char *format, ...)
{
    va_list args;
    if (findings->faults[fault]++)
        return;
    va_start(args, format);
    vsnprintf(findings->first[fault], sizeof findings->first[fault], format, args);
    va_end(args);
}

static void *room(size_t n, size_t size)
{
    void *memory = calloc(n + 1, size);
    if (!memory)
        abort();
    return memory;
}

/* ---- facts ------------------------------------------------------------------------------------------------------ */

static struct facts new_facts(size_t most)
{
    return (struct facts){room(most, sizeof(struct fact)), 0};
}

static void learn(struct facts *facts, int64_t time, int64_t value, const struct event *from)
{
    facts->fact[facts->count++] = (struct fact){time, value, from};
}

static int by_time(const void *a, const void *b)
{
    const struct fact *x = a, *y = b;
    return (x->time > y->time) - (x->time < y->time);
}

static void sort_facts(struct facts *facts)
{
    struct fact *fact = facts->fact;
    qsort(fact, facts->count, sizeof *fact, by_time);
    for (size_t i = 1; i < facts->count; i++)
        if (fact[i].value < fact[i - 1].value) {
            fact[i].value = fact[i - 1].value;
            fact[i].from = fact[i - 1].from;
        }
}

/* How many facts are from before a time. */
static size_t count_before(const struct facts *facts, int64_t time)
{
    size_t low = 0, high = facts->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (facts->fact[middle].time < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The greatest one from before a time; NULL: none. */
static const struct fact *before(const struct facts *facts, int64_t time)
{
    size_t n = count_before(facts, time);
    return n ? &facts->fact[n - 1] : NULL;
}

/* ---- one key ---------------------------------------------------------------------------------------------------- */

static bool is_of_host(const struct event *event, struct view view)
{
    return view.host == BOTH_HOSTS || event->host == view.host;
}

/* Whether the answer is judged in a view. At rest all processes know all. */
static bool is_of(const struct event *event, struct view view)
{
    return is_of_host(event, view) &&
           (view.process == ALL_PROCESSES || event->process == view.process || event->process >= AT_REST);
}

static bool is_change(const struct event *event)
{
    return (event->call == CALL_PUT || event->call == CALL_DELETE) && event->status != PXT_NOT_FOUND;
}

static bool is_got(const struct event *event)
{
    return event->call == CALL_GET && event->status == PXT_OK;
}

static int by_value(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    return (x->value > y->value) - (x->value < y->value);
}

static const struct event *put_of(const struct history *history, int32_t value)
{
    struct event wanted = {.value = value};
    const struct event *key = &wanted,
                       **found = bsearch(&key, history->puts, history->put_count, sizeof *history->puts, by_value);
    return found ? *found : NULL;
}

static struct history read_history(const struct event *events, size_t count)
{
    struct history history = {.events = events, .count = count, .puts = room(count, sizeof *history.puts)};
    history.deletes = new_facts(count);
    for (size_t i = 0; i < count; i++) {
        if (events[i].call == CALL_PUT)
            history.puts[history.put_count++] = &events[i];
        else if (events[i].call == CALL_DELETE && is_change(&events[i]))
            learn(&history.deletes, events[i].begin, events[i].end, &events[i]);
    }
    qsort(history.puts, history.put_count, sizeof *history.puts, by_value);
    sort_facts(&history.deletes);
    return history;
}

/* An event for people: when it was, in microseconds since the first event of the key. */
static const char *tell(const struct history *history, const struct event *event, char text[200])
{
    if (!event)
        return "nothing";
    snprintf(text, 200,
             "%s of key%d by %u.%u, %" PRId64 " to %" PRId64 " us: status %u, value %d, version %" PRId64 ", checks %d",
             call_name[event->call], event->key, event->host, event->process,
             (event->begin - history->events->begin) / 1000, (event->end - history->events->begin) / 1000,
             event->status, event->value, event->version, event->checks);
    return text;
}

static void found_about(struct findings *findings, enum fault fault, const struct history *history,
                        const struct event *event, const struct event *other)
{
    char one[200], two[200];
    found(findings, fault, "%s; after: %s", tell(history, event, one), tell(history, other, two));
}

/* ---- registers -------------------------------------------------------------------------------------------------- */

static struct facts known_changes(const struct history *history, struct view view)
{
    struct facts facts = new_facts(history->count);
    for (size_t i = 0; i < history->count; i++) {
        const struct event *event = &history->events[i], *put;
        if (!is_of_host(event, view) || event->process > AT_REST)
            continue;
        if (is_change(event) && event->status == PXT_OK)
            learn(&facts, event->end, event->begin, event);
        else if (is_got(event) && is_of(event, view) && (put = put_of(history, event->value)))
            learn(&facts, event->end, put->begin, put);
    }
    sort_facts(&facts);
    return facts;
}

static void judge_absent(const struct history *history, const struct event *event, const struct fact *known,
                         struct findings *findings)
{
    const struct fact *removed = before(&history->deletes, event->end + 1);
    if (known && (!removed || removed->value < known->value))
        found_about(findings, FAULT_LOST, history, event, known->from);
}

static void judge_value(const struct history *history, const struct event *event, const struct fact *known,
                        struct findings *findings)
{
    const struct event *put = put_of(history, event->value);
    if (!put || put->begin > event->end)
        found_about(findings, FAULT_INVENTED, history, event, put);
    else if (known && put->end < known->value)
        found_about(findings, known->from->call == CALL_DELETE ? FAULT_BACK : FAULT_SUPERSEDED, history, event,
                    known->from);
}

/* Judges the answers of one host; or, for both, what is said at rest. */
static void judge_view(const struct history *history, struct view view, struct findings *findings)
{
    struct facts facts = known_changes(history, view);
    for (size_t i = 0; i < history->count; i++) {
        const struct event *event = &history->events[i];
        if (!is_of(event, view) || (view.host == BOTH_HOSTS && event->process < AT_REST))
            continue;
        const struct fact *known = before(&facts, event->begin);
        if (is_got(event))
            judge_value(history, event, known, findings);
        else if (event->status == PXT_NOT_FOUND && event->call <= CALL_GET)
            judge_absent(history, event, known, findings);
    }
    free(facts.fact);
}

/* ---- versions --------------------------------------------------------------------------------------------------- */

static void judge_versions(const struct history *history, struct view view, bool supplied, struct findings *findings)
{
    struct facts facts = new_facts(history->count);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < history->count; i++) {
            const struct event *event = &history->events[i];
            int64_t version = supplied ? event->supplied : event->version;
            if (!is_of(event, view) || !is_got(event) || event->process > AT_REST)
                continue;
            const struct fact *known = pass ? before(&facts, event->begin) : NULL;
            if (!pass)
                learn(&facts, event->end, version, event);
            else if (known && known->value > version)
                found_about(findings, FAULT_VERSION_BACK, history, event, known->from);
        }
        sort_facts(&facts);
    }
    free(facts.fact);
}

static int by_supplied(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    return (x->supplied > y->supplied) - (x->supplied < y->supplied);
}

static void judge_values_of_versions(const struct history *history, struct findings *findings)
{
    const struct event **got = room(history->count, sizeof *got);
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        if (is_got(&history->events[i]))
            got[count++] = &history->events[i];
    qsort(got, count, sizeof *got, by_supplied);
    for (size_t i = 1; i < count; i++)
        if (got[i]->supplied == got[i - 1]->supplied && got[i]->value != got[i - 1]->value)
            found_about(findings, FAULT_TWO_VALUES, history, got[i], got[i - 1]);
    free(got);
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

static bool may_count(const struct event *event)
{
    return (event->call == CALL_REPORT && event->status != PXT_NOT_FOUND) || event->call == CALL_RELEASE;
}

static bool does_count(const struct event *event)
{
    return event->status == PXT_OK || event->call == CALL_RELEASE ? event->status <= PXT_NOT_FOUND : false;
}

/* A put that is made without the server does not know all reports: they are added later. So they are counted at rest. */
static void judge_reports(const struct history *history, struct findings *findings)
{
    struct facts made = new_facts(history->count), begun = new_facts(history->count);
    for (size_t i = 0; i < history->count; i++) {
        const struct event *event = &history->events[i];
        if (!may_count(event))
            continue;
        learn(&begun, event->begin, 0, event);
        if (does_count(event))
            learn(&made, event->end, 0, event);
    }
    sort_facts(&made);
    sort_facts(&begun);
    for (size_t i = 0; i < history->count; i++) {
        const struct event *event = &history->events[i];
        if (!is_got(event) || event->process < AT_REST)
            continue;
        size_t least = count_before(&made, event->begin), most = count_before(&begun, event->end);
        char text[200];
        if ((size_t)event->checks < least)
            found(findings, FAULT_REPORTS_LOST, "%s; at least %zu", tell(history, event, text), least);
        if ((size_t)event->checks > most)
            found(findings, FAULT_REPORTS_MANY, "%s; at most %zu", tell(history, event, text), most);
    }
    free(made.fact);
    free(begun.fact);
}

/* ---- all keys --------------------------------------------------------------------------------------------------- */

static void judge_from(const struct history *history, struct view view, struct findings *findings)
{
    judge_view(history, view, findings);
    judge_versions(history, view, false, findings);
    judge_versions(history, view, true, findings);
}

static void judge_key(const struct event *events, size_t count, unsigned apart, struct findings *findings)
{
    struct history history = read_history(events, count);
    for (int host = 0; host < HOSTS; host++)
        if (!(apart >> host & 1))
            judge_from(&history, (struct view){host, ALL_PROCESSES}, findings);
        else
            for (int process = 0; process < PROCESSES; process++)
                judge_from(&history, (struct view){host, process}, findings);
    judge_view(&history, (struct view){BOTH_HOSTS, ALL_PROCESSES}, findings);
    judge_values_of_versions(&history, findings);
    if (is_never_deleted(events->key))
        judge_reports(&history, findings);
    free(history.puts);
    free(history.deletes.fact);
}

static int by_key(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

void judge_keys(struct event *events, size_t count, unsigned apart, struct findings *findings)
{
    qsort(events, count, sizeof *events, by_key);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && events[to].key == events[from].key;)
            to++;
        if (events[from].key != NOTHING)
            judge_key(events + from, to - from, apart, findings);
    }
}
