/* SPDX-License-Identifier: MIT
 *
 * jsonl_kit.h: what the tests of l2_jsonl have in common: a tier of one shard in a folder of its own, opened through
 * the ABI alone, and the shard's log as another program sees it.
 */
#ifndef JSONL_KIT_H
#define JSONL_KIT_H

#include "base/key.h"
#include "entry/entry.h"
#include "plugin_user.h"
#include "tap.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1767225600000000)

static struct jsonl_kit {
    struct plugin_user user, policy;
    const struct pxt_tier_ops *ops;
    void *self;
    struct pxt_error error;
    char folder[200], log[300];
    int warnings;
    char last_warning[600];
} kit;

static __attribute__((unused)) void kit_hear(void *arg, enum pxt_message_level level, const char *component,
                                             const char *message)
{
    (void)arg, (void)component;
    kit.warnings += level <= PXT_MESSAGE_WARNING;
    if (level <= PXT_MESSAGE_WARNING)
        snprintf(kit.last_warning, sizeof kit.last_warning, "%s", message);
}

/* Opens the tier in the folder `place` with a number of shards; `options` such as ", sync: full"; no policy if `capacity`
 * is 0. On failure nothing is open. */
static __attribute__((unused)) pxt_status kit_try_open(const char *place, unsigned shards, const char *options,
                                                       uint64_t capacity)
{
    char yaml[400];
    struct pxt_tier_setup setup;
    snprintf(kit.folder, sizeof kit.folder, "%s/%s", test_folder(), place);
    snprintf(kit.log, sizeof kit.log, "%s/shard_00.jsonl", kit.folder);
    snprintf(yaml, sizeof yaml, "{dir: %s, shards: %u%s}", kit.folder, shards, options);
    use_plugin(&kit.user, "l2_jsonl", yaml);
    kit.user.logger = (struct pxt_logger){.fn = kit_hear, .level = PXT_MESSAGE_WARNING};
    use_policy(&kit.user, &kit.policy, &setup, "lru", capacity);
    if (!capacity)
        setup.policy = NULL;
    kit.ops = kit.user.module->ops;
    kit.warnings = 0;
    pxt_status status = kit.ops->open(&kit.user.host.host, &setup, &kit.self, &kit.error);
    if (status) {
        leave_plugin(&kit.policy);
        leave_plugin(&kit.user);
    }
    return status;
}

/* The same with one shard; ends the program on failure. */
static __attribute__((unused)) void kit_open(const char *place, const char *options, uint64_t capacity)
{
    if (kit_try_open(place, 1, options, capacity)) {
        printf("Bail out! %s\n", kit.error.message);
        exit(1);
    }
}

static __attribute__((unused)) void kit_close(void)
{
    kit.ops->close(kit.self);
    leave_plugin(&kit.policy);
    leave_plugin(&kit.user);
}

static __attribute__((unused)) struct pxt_key kit_key(const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    return key;
}

/* The access count of the entry tells versions apart. */
static __attribute__((unused)) pxt_status kit_put(const char *key, int64_t count)
{
    pxt_entry *entry = make_entry(&kit.user, key, T0, count, T0, T0 + 3600 * PXT_SECOND);
    pxt_status status = kit.ops->put(kit.self, entry, &kit.error);
    pxt_entry_release(entry);
    return status;
}

/* The access count, or -1 if the key is not found, or -2 after a failure. */
static __attribute__((unused)) int64_t kit_get(const char *text)
{
    struct pxt_key key = kit_key(text);
    pxt_entry *entry = NULL;
    pxt_status status = kit.ops->get(kit.self, &key, 0, &entry, &kit.error);
    int64_t count = status == PXT_OK          ? pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT)
                    : status == PXT_NOT_FOUND ? -1
                                              : -2;
    pxt_entry_release(entry);
    return count;
}

static __attribute__((unused)) pxt_status kit_delete(const char *text)
{
    struct pxt_key key = kit_key(text);
    return kit.ops->del(kit.self, &key, PXT_REMOVE_DELETED, &kit.error);
}

static __attribute__((unused)) uint64_t kit_count(void)
{
    uint64_t number = 0;
    kit.ops->count(kit.self, &number, &kit.error);
    return number;
}

/* Reads a whole file, malloc()ed, with a NUL behind it; NULL if there is none. */
static __attribute__((unused)) char *kit_read(const char *path, size_t *length)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = fstat(fd, &file) ? NULL : calloc(1, (size_t)file.st_size + 1);
    *length = text ? (size_t)file.st_size : 0;
    if (text && read(fd, text, *length) != (ssize_t)*length)
        *text = '\0';
    close(fd);
    return text;
}

/* Writes a file anew, or appends to it. */
static __attribute__((unused)) void kit_write(const char *path, const char *mode, const char *text, size_t length)
{
    FILE *file = fopen(path, mode);
    if (!file || fwrite(text, 1, length, file) != length || fclose(file)) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
    chmod(path, 0600);
}

static __attribute__((unused)) void kit_append(const char *text)
{
    kit_write(kit.log, "a", text, strlen(text));
}

/* The file shard_00.bad, or "". */
static __attribute__((unused)) const char *kit_quarantine(void)
{
    static char *text;
    char path[300];
    size_t length;
    free(text);
    snprintf(path, sizeof path, "%s/shard_00.bad", kit.folder);
    text = kit_read(path, &length);
    return text ? text : "";
}

#endif
