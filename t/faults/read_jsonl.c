/* SPDX-License-Identifier: MIT
 *
 * read_jsonl.c: shard_NN.jsonl of a folder, as proxtier-jsonl(5) describes them: of the lines about a key the last counts.
 */
#include "reader.h"
#include <glob.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const enum pxt_field_type type[PXT_FIELD_COUNT] = {
#define X(id, name, type, def, flags, since, help) PXT_TYPE_##type,
    PXT_FIELDS(X)
#undef X
};

/* Microseconds of a time that proxtier wrote: in UTC. */
static long long time_of(const char *text)
{
    struct tm tm = {0};
    int taken = 0;
    long long fraction = 0;
    if (sscanf(text, "%d-%d-%dT%d:%d:%d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
               &taken) != 6)
        differs("unreadable: not a time: %s", text);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (text[taken] == '.')
        fraction = strtoll(text + taken + 1, NULL, 10); /* always six digits */
    return (long long)timegm(&tm) * 1000000 + fraction;
}

static void set_member(struct copy *copy, unsigned id, struct json_object *value)
{
    switch (type[id]) {
    case PXT_TYPE_TIME:
        field_set_number(copy, id, time_of(json_object_get_string(value)));
        break;
    case PXT_TYPE_BOOL:
        field_set_number(copy, id, json_object_get_boolean(value));
        break;
    case PXT_TYPE_COUNT:
    case PXT_TYPE_VERSION:
        field_set_number(copy, id, json_object_get_int64(value));
        break;
    default:
        field_set(copy, id, json_object_get_string(value));
    }
}

static void add_entry(struct copies *copies, struct json_object *object, const char *key, unsigned tier)
{
    char name[READER_TEXT];
    struct json_object *value;
    struct copy *copy = copies_add(copies, key, tier);
    for (unsigned id = 0; id < PXT_FIELD_COUNT; id++) {
        field_column(id, name);
        if (json_object_object_get_ex(object, name, &value) && value)
            set_member(copy, id, value);
    }
}

/* A deletion with a version is a tombstone; one without says that there is nothing. */
static void add_deletion(struct copies *copies, struct json_object *object, const char *key, unsigned tier)
{
    struct json_object *version;
    if (!json_object_object_get_ex(object, "version", &version))
        return;
    struct copy *copy = copies_add(copies, key, tier);
    copy->version = (uint64_t)json_object_get_int64(version);
    copy->removed = true;
}

static void read_line(struct copies *copies, const char *line, const char *path, unsigned tier)
{
    struct json_object *object = json_tokener_parse(line), *key;
    if (!object || !json_object_is_type(object, json_type_object))
        differs("unreadable: a line of %s: %.60s", path, line);
    else if (json_object_object_get_ex(object, "key", &key)) {
        copies_remove(copies, json_object_get_string(key), tier);
        add_entry(copies, object, json_object_get_string(key), tier);
    } else if (json_object_object_get_ex(object, "deleted", &key)) {
        copies_remove(copies, json_object_get_string(key), tier);
        add_deletion(copies, object, json_object_get_string(key), tier);
    }
    json_object_put(object);
}

/* What stands behind the last newline does not count. */
static void read_shard(struct copies *copies, const char *path, unsigned tier)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    FILE *in = fopen(path, "r");
    while (in && (length = getline(&line, &size, in)) > 0) {
        if (line[length - 1] != '\n')
            break;
        line[length - 1] = '\0';
        if (length > 1)
            read_line(copies, line, path, tier);
    }
    free(line);
    if (!in)
        differs("unreadable: %s", path);
    else
        fclose(in);
}

void read_jsonl(struct copies *copies, const char *folder, unsigned tier)
{
    char pattern[1000];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/shard_*.jsonl", folder);
    if (!glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++)
            read_shard(copies, found.gl_pathv[i], tier);
    globfree(&found);
}
