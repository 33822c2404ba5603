/* SPDX-License-Identifier: MIT
 *
 * scan.c: reads a shard's log, from where the index ends, line by line.
 *
 * Of a line that begins with its key, as proxtier and ProxyWhirl write it, only the key is read; any other line is read
 * whole. A deletion is an object without a key: ProxyWhirl skips it. Another program may have longer lines than proxtier,
 * and entries that proxtier cannot have (foreign.c). A line that is neither an entry nor a deletion is
 * damaged: it is counted, passed over, and put aside at the next compaction. The last line counts when its newline is
 * there.
 */
#include "jsonl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

/* Reads the key of a line that begins as ours do; false if it does not, or if its key has an escape. */
static bool starts_with_key(const char *line, size_t length, struct pxt_key *key, const struct pxt_host *host,
                            char copy[PXT_KEY_MAX + 1])
{
    size_t begin = sizeof JSONL_KEY_START - 1;
    if (length < begin + 2 || memcmp(line, JSONL_KEY_START, begin))
        return false;
    const char *end = memchr(line + begin, '"', length - begin);
    size_t size = end ? (size_t)(end - line) - begin : 0;
    if (!size || size > PXT_KEY_MAX || memchr(line + begin, '\\', size))
        return false;
    memcpy(copy, line + begin, size);
    copy[size] = '\0';
    host->key_init(key, copy, size);
    return true;
}

/* Returns the version at the end of a line of proxtier; 0 if it has none. Only members stand behind a `, "`: a quote in a
 * text has a backslash. */
static uint64_t version_of(const char *line, size_t length)
{
    static const char version[] = ", \"version\": ", last[] = ", \"total_health_check_failures\": ";
    for (const char *at = line + length; at-- > line;) {
        size_t left = (size_t)(line + length - at);
        uint64_t number = 0;
        if (*at != ',' || left < sizeof version)
            continue;
        if (left >= sizeof last && !memcmp(at, last, sizeof last - 1)) /* the last member that each line has */
            break;
        if (memcmp(at, version, sizeof version - 1))
            continue;
        for (at += sizeof version - 1; *at >= '0' && *at <= '9' && number < (uint64_t)INT64_MAX / 10; at++)
            number = number * 10 + (uint64_t)(*at - '0');
        return *at == ',' || *at == '}' ? number : 0;
    }
    return 0;
}

/* Indexes a line that is read whole; false if the line is not an entry. */
static bool index_slowly(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset,
                         bool *no_memory)
{
    const struct pxt_host *host = tier->host;
    pxt_entry *entry = NULL;
    struct pxt_key key;
    char *copy = malloc(length + 1);
    if (!copy) {
        *no_memory = true;
        return true;
    }
    memcpy(copy, line, length);
    copy[length] = '\0';
    pxt_status status = host->json_read_foreign(host, copy, length, &entry, NULL);
    free(copy);
    if (!status) {
        host->entry_key(entry, &key);
        struct jsonl_line place = {.offset = offset,
                                   .length = (uint32_t)length,
                                   .version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION),
                                   .expires_at = host->entry_number(entry, PXT_FIELD_EXPIRES_AT)};
        *no_memory = !jsonl_index_put(tier, shard, &key, &place);
        host->entry_release(entry);
    } else {
        *no_memory =
            status == PXT_ENOMEM || (status == PXT_ENOTSUP && !jsonl_foreign_add(shard, offset, (uint32_t)length));
    }
    return !status || status == PXT_ENOTSUP || status == PXT_ENOMEM;
}

/* Removes the node of the key that a damaged line had, if the key can be read or only one bit is wrong: an older line of
 * the key must not take the place of the damaged one, nor must an entry come back whose deletion is damaged. */
static bool remove_older(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    char *copy = malloc(length + 1);
    if (!copy)
        return false;
    memcpy(copy, line, length);
    jsonl_checksum_mend(tier, copy, length);
    struct jsonl_node *node = jsonl_damaged_key(tier, copy, length, &key, text)
                                  ? jsonl_index_find(shard, key.text, key.length, key.hash)
                                  : NULL;
    if (node)
        jsonl_index_remove(tier, shard, node, PXT_REMOVE_CORRUPTION);
    free(copy);
    return true;
}

/* Takes a damaged line out of the count. */
static bool pass_over(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset)
{
    if (!jsonl_damage_known(shard, offset, line, length) && !jsonl_damage_add(tier, shard, offset, line, length))
        return false;
    if (!remove_older(tier, shard, line, length))
        return false;
    shard->dead += (off_t)length + 1;
    return true;
}

static bool index_line(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset);

/* Passes over a line with a wrong checksum. If only a newline was damaged, the lines on both sides of it are good. */
static bool index_damaged(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset)
{
    size_t first = jsonl_checksum_fused(tier, line, length);
    if (!first)
        return pass_over(tier, shard, line, length, offset);
    off_t between = offset + (off_t)first;
    return index_line(tier, shard, line, first, offset) && pass_over(tier, shard, line + first, 1, between) &&
           index_line(tier, shard, line + first + 1, length - first - 1, between + 1);
}

/* Takes a deletion into the index; false if memory ran out. */
static bool index_deletion(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                           const struct jsonl_deletion *deletion, const struct jsonl_line *line)
{
    if (line->version)
        return jsonl_index_put(tier, shard, key, line) != NULL;
    struct jsonl_node *node = jsonl_index_find(shard, key->text, key->length, key->hash);
    if (node)
        jsonl_index_remove(tier, shard, node, deletion->why);
    shard->dead += (off_t)line->length + 1;
    return true;
}

/* Whether the version at the end of a line can be read without reading the rest: the line is proxtier's own, or has no
 * object in it that might have such a member. */
static bool is_plain(const char *line, size_t length, enum jsonl_checksum checksum)
{
    return checksum == JSONL_CHECKSUM_RIGHT || !memchr(line + 1, '{', length - 1);
}

/* Takes a good line into the index; false if memory ran out. `*damaged`: it is not good. */
static bool index_good(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset,
                       enum jsonl_checksum checksum, bool *damaged)
{
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    struct jsonl_deletion deletion;
    struct jsonl_line place = {.offset = offset, .length = (uint32_t)length, .expires_at = PXT_TIME_NONE};
    bool no_memory = false;
    *damaged = false;
    if (length <= JSONL_LINE_MAX && starts_with_key(line, length, &key, tier->host, text) &&
        is_plain(line, length, checksum)) {
        place.version = version_of(line, length);
        return jsonl_index_put(tier, shard, &key, &place);
    }
    if (jsonl_deletion_read(tier, line, length, &key, text, &deletion)) {
        place.version = deletion.version;
        place.removed = (uint32_t)deletion.why + 1;
        place.expires_at = deletion.at;
        return index_deletion(tier, shard, &key, &deletion, &place);
    }
    *damaged = !index_slowly(tier, shard, line, length, offset, &no_memory);
    return !no_memory;
}

/* Takes one line into the index; false if memory ran out. */
static bool index_line(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset)
{
    bool damaged = !length || line[length - 1] != '}' || length > UINT32_MAX;
    if (!length) {
        shard->dead++;
        shard->blank++;
        return true;
    }
    if (damaged || jsonl_damage_known(shard, offset, line, length))
        return pass_over(tier, shard, line, length, offset);
    enum jsonl_checksum checksum = jsonl_checksum_check(tier, line, length);
    if (checksum == JSONL_CHECKSUM_WRONG)
        return index_damaged(tier, shard, line, length, offset);
    if (!index_good(tier, shard, line, length, offset, checksum, &damaged))
        return false;
    return !damaged || pass_over(tier, shard, line, length, offset);
}

/* Cuts off the bytes behind the last newline: their writer died. The file lock is held. */
static pxt_status cut_tail(struct jsonl *tier, struct jsonl_shard *shard, const char *tail, size_t length,
                           struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    jsonl_quarantine(tier, shard, tail, length);
    tier->corruptions++;
    jsonl_damage_report(tier,
                        "%s/shard_%02u.jsonl had a torn last line of %zu bytes: it is cut off, and put aside in "
                        "shard_%02u.bad",
                        tier->folder, shard->number, length, shard->number);
    if (ftruncate(shard->log, shard->indexed))
        return host->fail(host, error, host->status_of_errno(errno), errno,
                          "cannot cut the torn line off %s/shard_%02u.jsonl", tier->folder, shard->number);
    return PXT_OK;
}

/* Returns the length without blanks at the end: an editor may have added some, and CR is one. */
static size_t without_blanks(const char *line, size_t length)
{
    while (length && jsonl_is_blank(line[length - 1]))
        length--;
    return length;
}

/* Takes the text of a line into the index, without what editors write around it. */
static bool index_text(struct jsonl *tier, struct jsonl_shard *shard, const char *line, size_t length, off_t offset)
{
    static const char mark[JSONL_MARK] = "\xef\xbb\xbf";
    size_t begin = !offset && length >= JSONL_MARK && !memcmp(line, mark, JSONL_MARK) ? JSONL_MARK : 0;
    size_t end = begin + without_blanks(line + begin, length - begin);
    shard->dead += (off_t)(length - (end - begin));
    return index_line(tier, shard, line + begin, end - begin, offset + (off_t)begin);
}

static bool index_chunk(struct jsonl *tier, struct jsonl_shard *shard, const char *chunk, size_t length, size_t *used)
{
    *used = 0;
    for (;;) {
        const char *newline = memchr(chunk + *used, '\n', length - *used);
        if (!newline)
            return true;
        size_t line = (size_t)(newline - chunk) - *used;
        if (!index_text(tier, shard, chunk + *used, line, shard->indexed))
            return false;
        *used += line + 1;
        shard->indexed += (off_t)line + 1;
    }
}

pxt_status jsonl_shard_scan(struct jsonl *tier, struct jsonl_shard *shard, off_t end, bool locked,
                            struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    size_t size = CHUNK, used;
    char *chunk = malloc(size);
    pxt_status status = PXT_OK;
    while (chunk && !status && shard->indexed < end) {
        size_t wanted = end - shard->indexed < (off_t)size ? (size_t)(end - shard->indexed) : size;
        ssize_t n = pread(shard->log, chunk, wanted, shard->indexed);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status =
                host->fail(host, error, PXT_EIO, errno, "cannot read %s/shard_%02u.jsonl", tier->folder, shard->number);
            break;
        }
        if (!index_chunk(tier, shard, chunk, (size_t)n, &used)) {
            status = host->fail(host, error, PXT_ENOMEM, 0, "out of memory for the index of %s", tier->folder);
        } else if (!used && n && (size_t)n == size) { /* a line longer than the room */
            char *larger = realloc(chunk, size *= 2);
            if (!larger)
                break;
            chunk = larger;
        } else if (!used) {
            if (n && locked)
                status = cut_tail(tier, shard, chunk, (size_t)n, error);
            break;
        }
    }
    if (!chunk)
        status = host->fail(host, error, PXT_ENOMEM, 0, "out of memory for reading %s", tier->folder);
    free(chunk);
    return status;
}
