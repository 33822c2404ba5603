/* SPDX-License-Identifier: MIT
 *
 * batch.c: put_many and touch of l2_jsonl: each shard is locked once, and put_many writes its lines in one write.
 */
#include "jsonl.h"
#include <stdlib.h>
#include <string.h>

struct undo {
    off_t end; /* of the log before */
    bool written;
};

static pxt_status lock_files(struct jsonl *tier, unsigned *locked, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (*locked = 0; *locked < tier->shard_count && !status; ++*locked)
        status = jsonl_shard_lock_file(tier, &tier->shard[*locked], error);
    if (status)
        --*locked; /* the lock of the last one was not taken */
    return status;
}

/* Takes back the lines that were appended before a shard failed: a batch is all or none. */
static void take_back(struct jsonl *tier, const struct undo *undo)
{
    for (unsigned i = 0; i < tier->shard_count; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        if (!undo[i].written)
            continue;
        jsonl_replace_take_back(tier, shard, undo[i].end);
        jsonl_shard_reindex(tier, shard, true, NULL);
    }
}

/* Lines of one shard, to be appended in one write. */
struct lines {
    char *text;
    size_t length, room;
    struct {
        size_t at, length; /* without the newline */
    } * line;
    size_t count;
};

static pxt_status add_line(struct jsonl *tier, struct lines *lines, pxt_entry *entry, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    size_t left = lines->room - lines->length;
    size_t length = jsonl_line_write(tier, entry, lines->text + lines->length, left ? left - 1 : 0);
    if (length + 1 > left) {
        size_t room = 2 * lines->room + length + 1;
        char *larger = realloc(lines->text, room);
        if (!larger)
            return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for lines");
        lines->text = larger;
        lines->room = room;
        length = jsonl_line_write(tier, entry, lines->text + lines->length, room - lines->length - 1);
    }
    if (length + 1 > JSONL_LINE_MAX) {
        struct pxt_key key;
        host->entry_key(entry, &key);
        return host->fail(host, error, PXT_EINVAL, 0, "entry %s makes a line of more than 64 KiB", key.text);
    }
    lines->line[lines->count].at = lines->length;
    lines->line[lines->count++].length = length;
    lines->length += length;
    lines->text[lines->length++] = '\n';
    return PXT_OK;
}

/* Puts the entries that belong to this shard. */
static pxt_status put_shard(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry *const *entries,
                            const unsigned char *numbers, size_t n, struct lines *lines, bool *written,
                            struct pxt_error *error)
{
    off_t offset;
    pxt_status status = PXT_OK;
    lines->length = lines->count = 0;
    for (size_t i = 0; i < n && !status; i++)
        if (numbers[i] == shard->number)
            status = add_line(tier, lines, entries[i], error);
    if (status || !lines->count)
        return status;
    status = jsonl_line_append(tier, shard, lines->text, lines->length, &offset, error);
    *written = status == PXT_OK;
    for (size_t i = 0, line = 0; i < n && !status; i++)
        if (numbers[i] == shard->number) {
            struct pxt_key key;
            tier->host->entry_key(entries[i], &key);
            off_t at = offset + (off_t)lines->line[line].at;
            /* An earlier entry of the batch may be newer. */
            status = jsonl_line_is_newest(tier, shard, &key, entries[i], error);
            if (!status)
                jsonl_line_index(tier, shard, &key, entries[i], at, (uint32_t)lines->line[line++].length);
        }
    return status;
}

static pxt_status all_are_newest(struct jsonl *tier, pxt_entry *const *entries, const unsigned char *numbers, size_t n,
                                 struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < n && !status; i++) {
        struct pxt_key key;
        tier->host->entry_key(entries[i], &key);
        status = jsonl_line_is_newest(tier, &tier->shard[numbers[i]], &key, entries[i], error);
    }
    return status;
}

/* Returns the number of each entry's shard, malloc()ed; NULL if memory ran out. */
static unsigned char *numbers_of(struct jsonl *tier, pxt_entry *const *entries, size_t n)
{
    unsigned char *numbers = malloc(n ? n : 1);
    for (size_t i = 0; numbers && i < n; i++) {
        struct pxt_key key;
        tier->host->entry_key(entries[i], &key);
        numbers[i] = (unsigned char)jsonl_shard_number(tier, &key);
    }
    return numbers;
}

static pxt_status put_all(struct jsonl *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct undo undo[JSONL_SHARDS_MAX];
    pxt_status status = PXT_OK;
    unsigned char *numbers = numbers_of(tier, entries, n);
    struct lines lines = {.line = calloc(n ? n : 1, sizeof *lines.line)};
    if (!numbers || !lines.line)
        status = tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for lines");
    for (unsigned i = 0; i < tier->shard_count; i++)
        undo[i] = (struct undo){tier->shard[i].indexed, false};
    if (!status)
        status = all_are_newest(tier, entries, numbers, n, error);
    for (unsigned i = 0; i < tier->shard_count && !status; i++)
        status = put_shard(tier, &tier->shard[i], entries, numbers, n, &lines, &undo[i].written, error);
    if (status)
        take_back(tier, undo);
    free(numbers);
    free(lines.text);
    free(lines.line);
    return status;
}

pxt_status jsonl_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct jsonl *tier = self;
    unsigned locked;
    jsonl_lock_all(tier);
    pxt_status status = lock_files(tier, &locked, error);
    if (!status)
        status = put_all(tier, entries, n, error);
    while (locked-- > 0)
        jsonl_shard_unlock_file(&tier->shard[locked]);
    jsonl_unlock_all(tier);
    return status;
}

/* Writes the entry with the accesses added as another line. */
static pxt_status touch_locked(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_touch *touch,
                               struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    struct jsonl_node *node = jsonl_index_find(shard, touch->key.text, touch->key.length, touch->key.hash);
    pxt_entry *old = NULL, *touched = NULL;
    struct pxt_draft changes;
    if (!node || node->line.removed || jsonl_line_read(tier, shard, node, &old, NULL) != PXT_OK)
        return PXT_OK;
    host->entry_touch(old, touch->hits, touch->last_accessed);
    pxt_draft_init(&changes);
    if (touch->evicted_from_l1)
        pxt_draft_set_number(&changes, PXT_FIELD_EVICTED_FROM_L1, 1);
    pxt_status status = host->entry_copy(host, old, &changes, &touched, error);
    if (!status) {
        /* The policy saw these hits when they happened: it must not take the new line for a replacement. */
        bool in_policy = node->in_policy;
        node->in_policy = false;
        status = jsonl_put_locked(tier, shard, &touch->key, touched, error);
        node->in_policy = in_policy;
    }
    host->entry_release(old);
    host->entry_release(touched);
    return status;
}

/* Applies the touches that belong to this shard. */
static pxt_status touch_shard(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_touch *const *touches,
                              const unsigned char *numbers, size_t n, struct pxt_error *error)
{
    if (!memchr(numbers, (int)shard->number, n))
        return PXT_OK;
    pthread_mutex_lock(&shard->lock);
    pxt_status status = jsonl_shard_lock_file(tier, shard, error);
    if (!status) {
        for (size_t i = 0; i < n && !status; i++)
            if (numbers[i] == shard->number)
                status = touch_locked(tier, shard, touches[i], error);
        jsonl_shard_unlock_file(shard);
    }
    pthread_mutex_unlock(&shard->lock);
    return status;
}

pxt_status jsonl_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    struct jsonl *tier = self;
    pxt_status status = PXT_OK;
    unsigned char *numbers = malloc(n ? n : 1);
    if (!numbers)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for touches");
    for (size_t i = 0; i < n; i++)
        numbers[i] = (unsigned char)jsonl_shard_number(tier, &touches[i]->key);
    for (unsigned i = 0; i < tier->shard_count && !status; i++)
        status = touch_shard(tier, &tier->shard[i], touches, numbers, n, error);
    free(numbers);
    return status;
}
