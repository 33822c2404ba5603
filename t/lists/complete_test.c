/* SPDX-License-Identifier: MIT
 *
 * An export as JSONL is complete: entries with any values that are accepted come back from it identical, with credentials in
 * the clear into a pool with another key, and sealed into one with the same key. So they do from json and csv.
 */
#include "../lib/tap.h"
#include <proxtier/admin.h>
#include <proxtier/proxtier.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-complete-XXXXXX";
static struct pxt_error error;
static uint64_t seed = 20261128;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}
static uint64_t below(uint64_t n)
{
    return random_number() % n;
}

static pxt_cache *open_pool(const char *name, const char *key)
{
    char yaml[500];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: fernet, key_file: %s/%s.key}\n"
             "tiers:\n  - {plugin: l3_sqlite, path: %s/%s.db, sync: none}\n",
             folder, key, folder, name);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static bool make_key(const char *name)
{
    char path[100];
    pxt_secret *key = NULL;
    snprintf(path, sizeof path, "%s/%s.key", folder, name);
    FILE *file = fopen(path, "w");
    bool good = file && !fchmod(fileno(file), 0600) && !pxt_fernet_key(&key, &error) &&
                fprintf(file, "%s\n", pxt_secret_text(key, NULL)) > 0;
    pxt_secret_free(key);
    return file && !fclose(file) && good;
}

/* ---- random entries ---------------------------------------------------------------------------------------------- */

/* Mostly short; one in 50 as long as it may be. */
static size_t random_length(size_t least, size_t most)
{
    size_t usual = most < 30 ? most : 30;
    return below(50) ? least + below(usual - least + 1) : most - below(4) * (most > 4);
}

/* UTF-8 without control characters, of one to four bytes a character. */
static size_t random_text(char *out, size_t least, size_t most)
{
    static const char *const pieces[] = {"é", "…", "😀",   "\"", "\\", "/", " ", ",",
                                         ";", "'", "%41", "*",  "{",  "ﬀ", "a", "7"};
    size_t wanted = random_length(least, most), length = 0;
    while (length < wanted) {
        const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
        if (length + strlen(piece) > wanted)
            piece = "x";
        length += (size_t)(stpcpy(out + length, piece) - (out + length));
    }
    return length;
}

/* What a credential may have: any byte but control characters. */
static size_t random_credential(char *out)
{
    size_t length = random_length(1, PXT_SECRET_MAX);
    bool stars = below(20) == 0, ascii = below(2);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)(0x20 + below(ascii ? 0x5f : 0xe0));
        out[i] = stars ? '*' : (char)(byte == 0x7f ? 0x80 : byte);
    }
    return length;
}

static size_t random_url(char *out)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    static const char *const hosts[] = {"192.0.2.7", "[2001:db8::1]", "proxy.example", "a_b.example"};
    return (size_t)sprintf(out, "%s://%s:%u", schemes[below(6)], hosts[below(4)], (unsigned)(1 + below(65535)));
}

struct room {
    char key[PXT_KEY_MAX + 1], url[80], text[PXT_FIELD_COUNT][PXT_TEXT_MAX + 8];
};

static int64_t random_value(const struct pxt_field *field)
{
    const int64_t t1990 = INT64_C(631152000000000), century = INT64_C(3155760000000000);
    switch (field->type) {
    case PXT_TYPE_TIME:
        return t1990 + (int64_t)below((uint64_t)century);
    case PXT_TYPE_HEALTH:
        return (int64_t)below(PXT_HEALTH_COUNT);
    case PXT_TYPE_BOOL:
        return (int64_t)below(2);
    default:
        return below(10) ? (int64_t)below(1000) : PXT_COUNT_MAX - (int64_t)below(3);
    }
}

static void random_field(const struct pxt_field *field, enum pxt_field_id id, struct pxt_draft *draft,
                         struct room *room)
{
    if (field->flags & PXT_FIELD_INTERNAL || (field->flags & PXT_FIELD_OPTIONAL && !below(3)))
        return;
    if (field->type == PXT_TYPE_TEXT)
        pxt_draft_set_text(draft, id, room->text[id], random_text(room->text[id], 1, PXT_TEXT_MAX));
    else if (field->type == PXT_TYPE_SECRET)
        pxt_draft_set_text(draft, id, room->text[id], random_credential(room->text[id]));
    else
        pxt_draft_set_number(draft, id, random_value(field));
}

static void random_draft(struct pxt_draft *draft, int i, struct room *room)
{
    size_t count;
    const struct pxt_field *const *field = pxt_fields(&count);
    pxt_draft_init(draft);
    for (int id = 0; id < PXT_FIELD_COUNT; id++)
        random_field(field[id], (enum pxt_field_id)id, draft, room);
    size_t length = (size_t)sprintf(room->key, "%d ", i);
    length += random_text(room->key + length, 1, PXT_KEY_MAX - length);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, room->key, length);
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, room->url, random_url(room->url));
    pxt_draft_set_number(draft, PXT_FIELD_EXPIRES_AT, PXT_TIME_MAX - (int64_t)below(1000000));
    struct pxt_value *checks = &draft->value[PXT_FIELD_TOTAL_HEALTH_CHECKS];
    struct pxt_value *failures = &draft->value[PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES];
    if (failures->as.number > checks->as.number)
        failures->as.number = checks->as.number;
}

static int fill(pxt_cache *cache, int entries)
{
    int stored = 0;
    static struct pxt_draft draft;
    static struct room room;
    for (int i = 0; i < entries; i++) {
        random_draft(&draft, i, &room);
        if (!pxt_cache_put(cache, &draft, NULL, &error))
            stored++;
        else if (stored == i)
            diag("entry %d: %s", i, error.message);
    }
    return stored;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

struct comparison {
    pxt_cache *from, *to;
    long long same, different;
};

static bool same_credential(const struct comparison *comparison, pxt_entry *a, pxt_entry *b, enum pxt_field_id field)
{
    pxt_secret *first = NULL, *second = NULL;
    size_t lengths[2] = {0, 0};
    pxt_status from = pxt_cache_open_secret(comparison->from, a, field, &first, &error);
    pxt_status to = pxt_cache_open_secret(comparison->to, b, field, &second, &error);
    const char *one = first ? pxt_secret_text(first, &lengths[0]) : "";
    const char *other = second ? pxt_secret_text(second, &lengths[1]) : "";
    bool same = from == to && lengths[0] == lengths[1] && !memcmp(one, other, lengths[0]);
    pxt_secret_free(first);
    pxt_secret_free(second);
    return same;
}

static bool same_field(const struct comparison *comparison, pxt_entry *a, pxt_entry *b, enum pxt_field_id field,
                       enum pxt_field_type type)
{
    size_t lengths[2] = {0, 0};
    if (type == PXT_TYPE_SECRET)
        return same_credential(comparison, a, b, field);
    if (pxt_entry_has(a, field) != pxt_entry_has(b, field))
        return false;
    if (type != PXT_TYPE_TEXT)
        return pxt_entry_number(a, field) == pxt_entry_number(b, field);
    const char *one = pxt_entry_text(a, field, &lengths[0]), *other = pxt_entry_text(b, field, &lengths[1]);
    return lengths[0] == lengths[1] && (!lengths[0] || !memcmp(one, other, lengths[0]));
}

static bool compare(void *arg, pxt_entry *entry)
{
    struct comparison *comparison = arg;
    pxt_entry *other = NULL;
    size_t count;
    const struct pxt_field *const *field = pxt_fields(&count);
    bool same = pxt_cache_peek(comparison->to, pxt_entry_key(entry), &other, &error) == PXT_OK;
    for (int i = 0; i < PXT_FIELD_COUNT && same; i++) {
        if (field[i]->flags & PXT_FIELD_INTERNAL)
            continue;
        same = same_field(comparison, entry, other, (enum pxt_field_id)i, field[i]->type);
        if (!same && comparison->different < 5)
            diag("%s differs", field[i]->name);
    }
    pxt_entry_release(other);
    *(same ? &comparison->same : &comparison->different) += 1;
    return true;
}

/* Exports `from` by a format to a new pool with the key `key`, and compares. */
static void comes_back(pxt_cache *from, long long entries, const char *format, bool reveal, const char *key)
{
    char path[100], name[50];
    snprintf(name, sizeof name, "%s-%s", format, key);
    snprintf(path, sizeof path, "%s/%s.list", folder, name);
    struct pxt_export_options options = PXT_EXPORT_OPTIONS_INIT;
    struct pxt_export_counts counts = {.size = sizeof counts};
    struct pxt_warm_counts warmed = {.size = sizeof warmed};
    options.format = format;
    options.reveal = reveal;
    FILE *file = fopen(path, "w");
    pxt_status status = file ? pxt_cache_export_as(from, file, &options, &counts, &error) : PXT_EIO;
    is_int(status, PXT_OK, "%s, %s: the export", format, reveal ? "revealed" : "sealed");
    is_int((long long)counts.written, entries, "%s: has all entries", format);
    if (file)
        fclose(file);
    pxt_cache *to = open_pool(name, key);
    is_int(pxt_cache_warm(to, path, NULL, &warmed, &error), PXT_OK, "%s: is loaded", format);
    is_int((long long)warmed.loaded, entries, "%s: nothing is refused or a duplicate", format);
    struct comparison comparison = {from, to, 0, 0};
    pxt_cache_each(from, compare, &comparison, &error);
    is_int(comparison.same, entries, "%s, %s: all entries are identical", format, reveal ? "revealed" : "sealed");
    is_int(comparison.different, 0, "%s: none is different", format);
    pxt_cache_close(to);
}

int main(void)
{
    if (!mkdtemp(folder) || !make_key("ours") || !make_key("theirs"))
        return 1;
    pxt_cache *from = open_pool("from", "ours");
    int entries = tap_amount(10000);
    is_int(fill(from, entries), entries, "%d random entries are stored", entries);
    comes_back(from, entries, "jsonl", true, "theirs");
    comes_back(from, entries, "jsonl", false, "ours");
    comes_back(from, entries, "json", true, "theirs");
    comes_back(from, entries, "csv", true, "theirs");
    comes_back(from, entries, "csv", false, "ours");
    pxt_cache_close(from);
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ok(!system(command), "the folder is removed");
    return tap_done();
}
