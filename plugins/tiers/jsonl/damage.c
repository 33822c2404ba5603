/* SPDX-License-Identifier: MIT
 *
 * damage.c: remembers the places of damaged lines, so that reading a log again neither takes them for entries nor
 * reports them again; and reports them, at most REPORTS times in REPORT_TIME.
 *
 * A place counts as damaged as long as it has the bytes that were found damaged: a line that was mended in place is
 * read anew.
 */
#include "jsonl.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORTS = 10 };
#define REPORT_TIME (60 * PXT_SECOND)

/* FNV-1a, 64 bits. Remembered bytes are compared with themselves only: no attacker, no format. */
static uint64_t hash_of(const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Returns the number of remembered places before `offset`. */
static size_t position_of(const struct jsonl_shard *shard, off_t offset)
{
    size_t low = 0, high = shard->damage_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shard->damage[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool jsonl_damage_known(const struct jsonl_shard *shard, off_t offset, const char *line, size_t length)
{
    if (!shard->damage_count)
        return false;
    size_t at = position_of(shard, offset);
    return at < shard->damage_count && shard->damage[at].offset == offset && shard->damage[at].length == length &&
           shard->damage[at].hash == hash_of(line, length);
}

bool jsonl_damage_add(struct jsonl *tier, struct jsonl_shard *shard, off_t offset, const char *line, size_t length)
{
    size_t at = position_of(shard, offset);
    bool replaces = at < shard->damage_count && shard->damage[at].offset == offset;
    if (!replaces && shard->damage_count == shard->damage_capacity) {
        size_t capacity = shard->damage_capacity ? shard->damage_capacity * 2 : 16;
        struct jsonl_damage *larger = realloc(shard->damage, capacity * sizeof *larger);
        if (!larger)
            return false;
        shard->damage = larger;
        shard->damage_capacity = capacity;
    }
    if (!replaces) {
        memmove(&shard->damage[at + 1], &shard->damage[at], (shard->damage_count - at) * sizeof shard->damage[0]);
        shard->damage_count++;
    }
    shard->damage[at] = (struct jsonl_damage){.offset = offset, .length = length, .hash = hash_of(line, length)};
    tier->corruptions++;
    bool wrong = jsonl_checksum_check(tier, line, length) == JSONL_CHECKSUM_WRONG;
    jsonl_damage_report(tier,
                        "%s/shard_%02u.jsonl has a damaged line at byte %lld%s: the line is passed over, and put aside "
                        "in shard_%02u.bad by the next compaction%s",
                        tier->folder, shard->number, (long long)offset, wrong ? ", with a wrong checksum" : "",
                        shard->number, wrong ? "; remove the member crc32 of the line if you have edited it" : "");
    return true;
}

void jsonl_damage_clear(struct jsonl_shard *shard)
{
    free(shard->damage);
    shard->damage = NULL;
    shard->damage_count = shard->damage_capacity = 0;
}

bool jsonl_damage_quarantine(struct jsonl *tier, const struct jsonl_shard *shard)
{
    bool good = true;
    for (size_t i = 0; i < shard->damage_count && good; i++) {
        const struct jsonl_damage *damage = &shard->damage[i];
        char *line = malloc(damage->length);
        ssize_t n = line ? pread(shard->log, line, damage->length, damage->offset) : -1;
        good = n >= 0; /* bytes that were changed or cut off since are not damaged any more */
        if (n == (ssize_t)damage->length && hash_of(line, damage->length) == damage->hash)
            good = jsonl_quarantine(tier, shard, line, damage->length);
        free(line);
    }
    return good;
}

/* ---- reports ---- */

/* Tells how many reports were left out, once their time is over. `report_lock` is held. */
static void close_window(struct jsonl *tier, pxt_time now)
{
    if (now - tier->report_since < REPORT_TIME && now >= tier->report_since)
        return;
    if (tier->reports > REPORTS)
        tier->host->log(tier->host, PXT_LOG_WARNING, "%llu more warnings about damaged lines in %s were left out",
                        (unsigned long long)tier->reports - REPORTS, tier->folder);
    tier->report_since = now;
    tier->reports = 0;
}

void jsonl_damage_report(struct jsonl *tier, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    pthread_mutex_lock(&tier->report_lock);
    close_window(tier, tier->host->now(tier->host));
    if (tier->reports++ < REPORTS)
        tier->host->log(tier->host, PXT_LOG_WARNING, "%s", message);
    pthread_mutex_unlock(&tier->report_lock);
}

void jsonl_damage_report_rest(struct jsonl *tier, bool now)
{
    pthread_mutex_lock(&tier->report_lock);
    if (tier->reports)
        close_window(tier, now ? PXT_TIME_MAX : tier->host->now(tier->host));
    pthread_mutex_unlock(&tier->report_lock);
}
