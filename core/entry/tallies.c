/* SPDX-License-Identifier: MIT
 *
 * tallies.c: counts the checks of an entry apart for each writer.
 */
#include "entry/tallies.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER_DIGITS = 8, BLIND_LENGTH = 2 + 16 };

static int64_t sum(int64_t a, int64_t b)
{
    return b > PXT_COUNT_MAX - a ? PXT_COUNT_MAX : a + b;
}

static void add(struct pxt_tally *tally, int64_t checks, int64_t failures)
{
    tally->checks = sum(tally->checks, checks);
    tally->failures = sum(tally->failures, failures);
}

static void take_greater(struct pxt_tally *tally, int64_t checks, int64_t failures)
{
    bool greater = checks > tally->checks;
    if (greater || (checks == tally->checks && failures > tally->failures))
        *tally = (struct pxt_tally){tally->writer, checks, failures};
}

/* The tally of a writer, made where there is none; nobody's where there is no room for one more. */
static struct pxt_tally *tally_of(struct pxt_tallies *tallies, uint64_t writer)
{
    size_t at = 0;
    while (at < tallies->count && tallies->tally[at].writer < writer)
        at++;
    if (at < tallies->count && tallies->tally[at].writer == writer)
        return &tallies->tally[at];
    if (tallies->count == sizeof tallies->tally / sizeof *tallies->tally)
        return &tallies->tally[0];
    memmove(&tallies->tally[at + 1], &tallies->tally[at], (tallies->count - at) * sizeof *tallies->tally);
    tallies->tally[at] = (struct pxt_tally){.writer = writer};
    tallies->count++;
    return &tallies->tally[at];
}

static bool read_writer(const char **at, const char *end, uint64_t *writer)
{
    static const char digits[] = "0123456789abcdef";
    const char *colon = memchr(*at, ':', (size_t)(end - *at));
    uint64_t number = 0;
    if (!colon)
        return false;
    size_t length = (size_t)(colon - *at);
    if (length == 1 && **at == '0') {
        *writer = PXT_TALLY_NOBODY;
    } else {
        if (length != WRITER_DIGITS)
            return false;
        for (const char *c = *at; c < colon; c++) {
            const char *digit = memchr(digits, *c, sizeof digits - 1);
            if (!digit)
                return false;
            number = number << 4 | (uint64_t)(digit - digits);
        }
        *writer = number + 1;
    }
    *at = colon + 1;
    return true;
}

/* A count that ends before `stop`, or with the text. */
static bool read_count(const char **at, const char *end, char stop, int64_t *count)
{
    const char *start = *at;
    *count = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        if (*count > PXT_COUNT_MAX / 10)
            return false;
        *count = *count * 10 + (**at - '0');
    }
    if (*at == start || *count > PXT_COUNT_MAX || (*at < end ? **at != stop : stop != ';'))
        return false;
    *at += *at < end;
    return true;
}

static void read_one(const char *at, const char *end, struct pxt_tallies *tallies)
{
    uint64_t writer;
    int64_t checks, failures;
    if (read_writer(&at, end, &writer) && read_count(&at, end, ':', &checks) && read_count(&at, end, ';', &failures) &&
        failures <= checks)
        take_greater(tally_of(tallies, writer), checks, failures);
}

/* "b:" and a version, in 16 hexadecimal digits. */
static bool read_blind(const char *at, const char *end, uint64_t *version)
{
    char digits[BLIND_LENGTH - 2 + 1] = "", *stop;
    if (end - at != BLIND_LENGTH || memcmp(at, "b:", 2))
        return false;
    memcpy(digits, at + 2, sizeof digits - 1);
    *version = strtoull(digits, &stop, 16);
    return !*stop;
}

/* A writer has another slot for what it counts after a blind put. */
static uint64_t slot_of(uint64_t writer, uint64_t blind_below)
{
    if (writer == PXT_TALLY_NOBODY || !blind_below)
        return writer;
    uint32_t mixed = (uint32_t)(blind_below ^ blind_below >> 32) * 0x9e3779b1u;
    return (uint64_t)((uint32_t)(writer - 1) ^ mixed) + 1;
}

static void sums_of(const struct pxt_tallies *tallies, int64_t *checks, int64_t *failures)
{
    *checks = *failures = 0;
    for (size_t i = 0; i < tallies->count; i++) {
        *checks = sum(*checks, tallies->tally[i].checks);
        *failures = sum(*failures, tallies->tally[i].failures);
    }
}

static int64_t number_of(const struct pxt_draft *draft, enum pxt_field_id field)
{
    return draft->value[field].set ? draft->value[field].as.number : 0;
}

void pxt_tallies_read(const struct pxt_draft *draft, struct pxt_tallies *tallies)
{
    const struct pxt_value *text = &draft->value[PXT_FIELD_TALLIES];
    int64_t checks, failures;
    tallies->blind_below = 0;
    tallies->count = 1;
    tallies->tally[0] = (struct pxt_tally){.writer = PXT_TALLY_NOBODY};
    if (text->set) {
        const char *at = text->as.text, *end = at + text->length;
        while (at < end) {
            const char *semicolon = memchr(at, ';', (size_t)(end - at)), *stop = semicolon ? semicolon : end;
            if (!read_blind(at, stop, &tallies->blind_below))
                read_one(at, stop, tallies);
            at = stop + (semicolon != NULL);
        }
    }
    sums_of(tallies, &checks, &failures);
    int64_t more = number_of(draft, PXT_FIELD_TOTAL_HEALTH_CHECKS) - checks;
    int64_t more_failures = number_of(draft, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES) - failures;
    add(&tallies->tally[0], more > 0 ? more : 0, more_failures > 0 ? more_failures : 0);
}

/* Moves to nobody those for which the text has no room, the last first; returns whether there is a text. */
static bool fit(struct pxt_tallies *tallies)
{
    size_t length = tallies->blind_below ? BLIND_LENGTH + 1 : 0, fitting = 1;
    for (size_t i = 0; i < tallies->count; i++) {
        struct pxt_tally greatest = {0, PXT_COUNT_MAX, PXT_COUNT_MAX};
        const struct pxt_tally *tally = i ? &tallies->tally[i] : &greatest; /* nobody's may grow by the others */
        length += (size_t)snprintf(NULL, 0, "%s:%" PRId64 ":%" PRId64 ";", i ? "00000000" : "0", tally->checks,
                                   tally->failures);
        if (length <= PXT_TEXT_MAX)
            fitting = i + 1;
    }
    for (size_t i = fitting; i < tallies->count; i++)
        add(&tallies->tally[0], tallies->tally[i].checks, tallies->tally[i].failures);
    tallies->count = fitting;
    return fitting > 1 || tallies->blind_below;
}

void pxt_tallies_write(struct pxt_tallies *tallies, struct pxt_draft *draft, char room[PXT_TALLIES_ROOM])
{
    int64_t checks, failures;
    size_t length = 0;
    bool any = fit(tallies);
    if (tallies->blind_below)
        length = (size_t)snprintf(room, PXT_TALLIES_ROOM, "b:%016" PRIx64, tallies->blind_below);
    for (size_t i = 0; any && i < tallies->count; i++) {
        const struct pxt_tally *tally = &tallies->tally[i];
        char writer[WRITER_DIGITS + 1] = "0";
        if (tally->writer == PXT_TALLY_NOBODY && !tally->checks && !tally->failures)
            continue;
        if (tally->writer != PXT_TALLY_NOBODY)
            snprintf(writer, sizeof writer, "%08" PRIx32, (uint32_t)(tally->writer - 1));
        length += (size_t)snprintf(room + length, PXT_TALLIES_ROOM - length, "%s%s:%" PRId64 ":%" PRId64,
                                   length ? ";" : "", writer, tally->checks, tally->failures);
    }
    if (any)
        pxt_draft_set_text(draft, PXT_FIELD_TALLIES, room, length);
    else
        pxt_draft_unset(draft, PXT_FIELD_TALLIES);
    sums_of(tallies, &checks, &failures);
    pxt_draft_set_number(draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, checks);
    pxt_draft_set_number(draft, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, failures);
}

void pxt_tallies_merge(struct pxt_tallies *tallies, const struct pxt_tallies *other)
{
    if (other->blind_below > tallies->blind_below)
        tallies->blind_below = other->blind_below;
    for (size_t i = 0; i < other->count; i++) {
        const struct pxt_tally *theirs = &other->tally[i];
        struct pxt_tally *ours = tally_of(tallies, theirs->writer);
        if (ours->writer == theirs->writer)
            take_greater(ours, theirs->checks, theirs->failures);
        else
            add(ours, theirs->checks, theirs->failures);
    }
}

bool pxt_tallies_same(const struct pxt_tallies *a, const struct pxt_tallies *b)
{
    if (a->count != b->count || a->blind_below != b->blind_below)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->tally[i].writer != b->tally[i].writer || a->tally[i].checks != b->tally[i].checks ||
            a->tally[i].failures != b->tally[i].failures)
            return false;
    return true;
}

void pxt_tallies_add(struct pxt_draft *draft, const char *writer, bool failed, char room[PXT_TALLIES_ROOM])
{
    struct pxt_tallies tallies;
    char name[WRITER_DIGITS + 2];
    const char *at = name;
    uint64_t number = PXT_TALLY_NOBODY;
    int length = snprintf(name, sizeof name, "%s:", writer);
    pxt_tallies_read(draft, &tallies);
    if (length > WRITER_DIGITS + 1 || !read_writer(&at, name + length, &number))
        number = PXT_TALLY_NOBODY;
    add(tally_of(&tallies, slot_of(number, tallies.blind_below)), 1, failed);
    pxt_tallies_write(&tallies, draft, room);
}

pxt_status pxt_entry_mark_blind(pxt_entry **entry, uint64_t below, struct pxt_error *error)
{
    struct pxt_draft draft;
    struct pxt_tallies tallies;
    char room[PXT_TALLIES_ROOM];
    pxt_entry *marked = NULL;
    pxt_draft_init(&draft);
    pxt_entry_read(*entry, &draft);
    pxt_tallies_read(&draft, &tallies);
    tallies.blind_below = below;
    pxt_tallies_write(&tallies, &draft, room);
    pxt_status status = pxt_entry_new(&draft, &marked, error);
    if (status)
        return status;
    pxt_entry_release(*entry);
    *entry = marked;
    return PXT_OK;
}

uint64_t pxt_entry_blind_below(const pxt_entry *entry)
{
    size_t length;
    uint64_t below;
    const char *text = pxt_entry_text(entry, PXT_FIELD_TALLIES, &length);
    return text && length >= BLIND_LENGTH && read_blind(text, text + BLIND_LENGTH, &below) ? below : 0;
}
