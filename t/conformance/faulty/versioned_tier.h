/* SPDX-License-Identifier: MIT
 *
 * versioned_tier.h: a correct durable tier that keeps tombstones, compares versions and keeps the record of the core, with
 * places where one fault can be built in: a file beside this defines one FAULT_, or none, and includes it. It has its
 * entries in an array, and writes all of them to a file with each change. Several processes may have it open: each call
 * locks the file beside, and reads anew what is there.
 */
#include <fcntl.h>
#include <proxtier/tier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 3000 };

struct tier {
    const struct pxt_host *host;
    const enum pxt_field_id *order; /* of the policy; NULL: none */
    int lock;
#ifdef FAULT_compares_with_what_it_read_before
    bool was_stale;
#endif
    size_t n;
    pxt_entry *entry[ROOM];
    char folder[400], path[420];
};

static int64_t number(const struct tier *tier, size_t i, enum pxt_field_id field)
{
    return tier->host->entry_number(tier->entry[i], field);
}

static uint64_t version(const struct tier *tier, size_t i)
{
    return (uint64_t)number(tier, i, PXT_FIELD_VERSION);
}

static bool is_tombstone(const struct tier *tier, size_t i)
{
    return number(tier, i, PXT_FIELD_REMOVED) != 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static FILE *in_folder(const struct tier *tier, const char *name)
{
    char path[420];
    snprintf(path, sizeof path, "%s/%s", tier->folder, name);
    return fopen(path, "re");
}

/* Writes a file and gives it its name; false if that fails, and then it is as before. */
static bool write_file(const struct tier *tier, const char *name, const char *text, size_t length)
{
    char path[420], path_new[430];
    snprintf(path, sizeof path, "%s/%s", tier->folder, name);
    snprintf(path_new, sizeof path_new, "%s.new", path);
    int fd = open(path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool good = file && fwrite(text, 1, length, file) == length;
    if (file && fclose(file))
        good = false;
    return good && !rename(path_new, path);
}

static void load(struct tier *tier)
{
    static char line[1 << 20];
    FILE *file = in_folder(tier, "store");
    while (file && tier->n < ROOM && fgets(line, sizeof line, file)) {
        size_t length = strcspn(line, "\n");
        line[length] = '\0';
        if (!tier->host->json_read(tier->host, line, length, &tier->entry[tier->n], NULL))
            tier->n++;
    }
    if (file)
        fclose(file);
}

static void forget(struct tier *tier)
{
    while (tier->n > 0)
        tier->host->entry_release(tier->entry[--tier->n]);
}

/* Begins a call: from here on this process has the store alone, as it is. */
static void enter(struct tier *tier)
{
    while (flock(tier->lock, LOCK_EX)) {
    }
    forget(tier);
    load(tier);
}

static pxt_status leave(struct tier *tier, pxt_status status)
{
    flock(tier->lock, LOCK_UN);
    return status;
}

static pxt_status save(struct tier *tier, struct pxt_error *error)
{
    size_t length = 0, room = 1;
    for (size_t i = 0; i < tier->n; i++)
        room += tier->host->json_write(tier->entry[i], NULL, 0) + 1;
    char *text = malloc(room);
    for (size_t i = 0; text && i < tier->n; i++) {
#ifdef FAULT_forgets_tombstones_when_closed
        if (is_tombstone(tier, i))
            continue;
#endif
        length += tier->host->json_write(tier->entry[i], text + length, room - length);
        text[length++] = '\n';
    }
    bool good = text && write_file(tier, "store", text, length);
    free(text);
    return good ? PXT_OK : tier->host->fail(tier->host, error, PXT_EIO, 0, "cannot write the store");
}

/* ---- required --------------------------------------------------------------------------------------------------- */

static pxt_status tier_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    struct tier *tier = calloc(1, sizeof *tier);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    tier->host = host;
    tier->order = setup->policy ? setup->policy->order : NULL;
    snprintf(tier->folder, sizeof tier->folder, "%s", getenv("HOME"));
    mkdir(tier->folder, 0700); /* where it is missing */
    snprintf(tier->path, sizeof tier->path, "%s/store", tier->folder);
    char lock[430];
    snprintf(lock, sizeof lock, "%s.lock", tier->path);
    tier->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (tier->lock < 0) {
        free(tier);
        return host->fail(host, error, PXT_EIO, 0, "cannot open %s", lock);
    }
    *self = tier;
    return PXT_OK;
}

static void tier_close(void *self)
{
    struct tier *tier = self;
    forget(tier);
    close(tier->lock);
    free(tier);
}

/* Where the key is, or would be. */
static size_t find(const struct tier *tier, const struct pxt_key *key)
{
    size_t i = 0;
    for (struct pxt_key own; i < tier->n; i++) {
        tier->host->entry_key(tier->entry[i], &own);
        if (!strcmp(own.text, key->text))
            break;
    }
    return i;
}

/* The entry as the tier keeps it: held for the caller. */
static pxt_entry *kept(struct tier *tier, pxt_entry *entry)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    tier->host->entry_read(entry, &draft);
#if defined FAULT_loses_the_supplied_version
    pxt_draft_unset(&draft, PXT_FIELD_SUPPLIED_VERSION);
#elif defined FAULT_loses_the_reason_of_a_tombstone
    if (tier->host->entry_number(entry, PXT_FIELD_REMOVED))
        pxt_draft_set_number(&draft, PXT_FIELD_REMOVED, 1);
#elif defined FAULT_keeps_versions_as_doubles
    pxt_draft_set_number(&draft, PXT_FIELD_VERSION, draft.value[PXT_FIELD_VERSION].as.number / 1024 * 1024);
#else
    return tier->host->entry_hold(entry);
#endif
    pxt_entry *copy = NULL;
    tier->host->entry_new(tier->host, &draft, &copy, NULL);
    return copy;
}

static bool is_stale(const struct tier *tier, size_t at, const pxt_entry *entry)
{
    uint64_t comes = (uint64_t)tier->host->entry_number(entry, PXT_FIELD_VERSION);
    if (at == tier->n || !comes) /* 0: not known */
        return false;
#if defined FAULT_takes_older_versions
    return false && comes;
#elif defined FAULT_compares_with_what_it_read_before
    return tier->was_stale && comes;
#elif defined FAULT_lets_an_older_entry_replace_a_tombstone
    return !is_tombstone(tier, at) && version(tier, at) > comes;
#elif defined FAULT_refuses_the_version_that_it_has
    return version(tier, at) >= comes;
#else
    return version(tier, at) > comes;
#endif
}

static pxt_status store(struct tier *tier, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    size_t i = find(tier, &key);
    if (is_stale(tier, i, entry))
        return tier->host->fail(tier->host, error, PXT_ESTALE, 0, "a newer version is there");
#ifdef FAULT_deletes_instead_of_keeping_a_tombstone
    if (tier->host->entry_number(entry, PXT_FIELD_REMOVED)) {
        if (i < tier->n) {
            tier->host->entry_release(tier->entry[i]);
            tier->entry[i] = tier->entry[--tier->n];
        }
        return PXT_OK;
    }
#endif
    if (i == ROOM)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "no memory");
    if (i < tier->n)
        tier->host->entry_release(tier->entry[i]);
    else
        tier->n++;
    tier->entry[i] = kept(tier, entry);
    return PXT_OK;
}

static pxt_status tier_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct tier *tier = self;
#ifdef FAULT_compares_with_what_it_read_before
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    size_t i = find(tier, &key);
    tier->was_stale = i < tier->n && version(tier, i) > (uint64_t)tier->host->entry_number(entry, PXT_FIELD_VERSION);
#endif
    enter(tier);
    pxt_status status = store(tier, entry, error);
    return leave(tier, status ? status : save(tier, error));
}

static pxt_status tier_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *error)
{
    struct tier *tier = self;
    (void)flags, (void)error;
    enter(tier);
    size_t i = find(tier, key);
    if (i < tier->n)
        *out = tier->host->entry_hold(tier->entry[i]);
    return leave(tier, i < tier->n ? PXT_OK : PXT_NOT_FOUND);
}

static pxt_status tier_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)why;
    enter(tier);
    size_t i = find(tier, key);
    if (i == tier->n)
        return leave(tier, PXT_NOT_FOUND);
#ifdef FAULT_del_leaves_tombstones
    if (is_tombstone(tier, i))
        return leave(tier, PXT_NOT_FOUND);
#endif
    bool was_entry = !is_tombstone(tier, i);
#ifdef FAULT_del_tells_of_tombstones
    was_entry = true;
#endif
    tier->host->entry_release(tier->entry[i]);
    tier->entry[i] = tier->entry[--tier->n];
    pxt_status status = save(tier, error);
    return leave(tier, status || was_entry ? status : PXT_NOT_FOUND);
}

static pxt_status tier_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    enter(tier);
    for (size_t i = 0; i < tier->n; i++)
        if (!is_tombstone(tier, i) && !fn(arg, tier->entry[i]))
            break;
    return leave(tier, PXT_OK);
}

static pxt_status tier_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    enter(tier);
    *out = 0;
    for (size_t i = 0; i < tier->n; i++)
#ifdef FAULT_counts_tombstones
        ++*out;
#else
        *out += !is_tombstone(tier, i);
#endif
    return leave(tier, PXT_OK);
}

/* ---- optional --------------------------------------------------------------------------------------------------- */

static pxt_status tier_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    enter(tier);
#ifndef FAULT_put_many_stops_in_the_middle
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        tier->host->entry_key(entries[i], &key);
        if (is_stale(tier, find(tier, &key), entries[i]))
            return leave(tier, tier->host->fail(tier->host, error, PXT_ESTALE, 0, "a newer version is there"));
    }
#endif
    for (size_t i = 0; i < n && !status; i++)
        status = store(tier, entries[i], error);
    if (!status)
        status = save(tier, error);
#ifdef FAULT_put_many_stops_in_the_middle
    save(tier, NULL);
#endif
    return leave(tier, status);
}

/* Whether entry `a` leaves before entry `b`. */
static bool leaves_first(const struct tier *tier, size_t a, size_t b)
{
    for (const enum pxt_field_id *field = tier->order; field && *field != PXT_FIELD_END; field++)
        if (number(tier, a, *field) != number(tier, b, *field))
            return number(tier, a, *field) < number(tier, b, *field);
    return false;
}

static pxt_status tier_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)incoming, (void)error;
    enter(tier);
    size_t first = tier->n;
    for (size_t i = 0; i < tier->n; i++) {
#ifndef FAULT_evicts_tombstones
        if (is_tombstone(tier, i))
            continue;
#endif
        if (first == tier->n || leaves_first(tier, i, first))
            first = i;
    }
    if (first < tier->n)
        *out = tier->host->entry_hold(tier->entry[first]);
    return leave(tier, first < tier->n ? PXT_OK : PXT_NOT_FOUND);
}

static bool is_known_dead(const struct tier *tier, size_t i, pxt_time now)
{
    return number(tier, i, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_HEALTH && number(tier, i, PXT_FIELD_FETCH_TIME) > now;
}

static bool is_dead(const struct tier *tier, size_t i, pxt_time now, uint64_t up_to)
{
#ifdef FAULT_expires_any_version
    up_to = UINT64_MAX;
#endif
#ifdef FAULT_never_expires_tombstones
    if (is_tombstone(tier, i))
        return false;
#endif
#ifndef FAULT_forgets_the_dead
    if (is_known_dead(tier, i, now))
        return false;
#endif
    return number(tier, i, PXT_FIELD_EXPIRES_AT) <= now && version(tier, i) <= up_to;
}

static pxt_status tier_known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    enter(tier);
    *out = 0;
    for (size_t i = 0; i < tier->n; i++)
        *out += is_known_dead(tier, i, now);
    return leave(tier, PXT_OK);
}

static pxt_status tier_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                              uint64_t *removed, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_entry *dead[ROOM];
    size_t n = 0;
    enter(tier);
    for (size_t i = 0; i < tier->n && n < limit;) {
        if (!is_dead(tier, i, now, up_to)) {
            i++;
            continue;
        }
        dead[n++] = tier->entry[i];
        tier->entry[i] = tier->entry[--tier->n];
    }
    pxt_status status = leave(tier, save(tier, error));
    *removed = status ? 0 : n;
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        tier->host->entry_key(dead[i], &key);
#ifdef FAULT_reports_expired_tombstones
        bool told = true;
#else
        bool told = !tier->host->entry_number(dead[i], PXT_FIELD_REMOVED);
#endif
        if (told && !status)
            fn(arg, &key);
        tier->host->entry_release(dead[i]);
    }
    return status;
}

static bool is_listed(const struct tier *tier, size_t i, uint64_t above)
{
#ifdef FAULT_versions_without_tombstones
    if (is_tombstone(tier, i))
        return false;
#endif
#if defined FAULT_versions_from_that_on
    return version(tier, i) >= above;
#elif defined FAULT_versions_without_unknown_ones
    return version(tier, i) > above || (!above && !version(tier, i));
#else
    return version(tier, i) > above || !version(tier, i);
#endif
}

static pxt_status tier_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    bool more = true;
    (void)error;
    enter(tier);
    for (size_t i = 0; i < tier->n && more; i++) {
        struct pxt_key key;
        tier->host->entry_key(tier->entry[i], &key);
        if (is_listed(tier, i, above))
            more = fn(arg, &key, version(tier, i));
#ifdef FAULT_gives_a_version_twice
        if (i == 5 && more && is_listed(tier, i, above))
            more = fn(arg, &key, version(tier, i));
#endif
#ifdef FAULT_does_not_stop_versions
        more = true;
#endif
    }
    return leave(tier, PXT_OK);
}

static pxt_status tier_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    FILE *file = in_folder(tier, "record");
    size_t length = file ? fread(text, 1, PXT_RECORD_MAX, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
#ifdef FAULT_has_an_empty_record
    return PXT_OK;
#endif
    return file ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status tier_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct tier *tier = self;
    size_t length = strlen(text);
#ifdef FAULT_cuts_a_long_record
    length = length < 4000 ? length : 4000;
#endif
    if (write_file(tier, "record", text, length))
        return PXT_OK;
    return tier->host->fail(tier->host, error, PXT_EIO, 0, "cannot write the record");
}

static const char *tier_shared_path(void *self)
{
    return ((struct tier *)self)->path;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS |
                                                 PXT_TIER_POLICY_ORDER,
                                        .open = tier_open,
                                        .close = tier_close,
                                        .get = tier_get,
                                        .put = tier_put,
                                        .del = tier_del,
                                        .each = tier_each,
                                        .count = tier_count,
                                        .put_many = tier_put_many,
                                        .victim = tier_victim,
                                        .expire = tier_expire,
                                        .shared_path = tier_shared_path,
                                        .versions = tier_versions,
                                        .record_get = tier_record_get,
                                        .record_put = tier_record_put,
                                        .known_dead = tier_known_dead};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
PXT_PLUGIN(PXT_KIND_TIER, TEXT(NAME), "1.0", "MIT", "a durable tier with versions", NULL, &ops);
