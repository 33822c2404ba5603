/* SPDX-License-Identifier: MIT
 *
 * jsonl.c: a get answered by l2_jsonl, credentials not opened, beside one pread of the same line and json-c's parser:
 * what a program does that keeps an index of offsets and leaves JSON to a library.
 */
#include "bench.h"
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
    int fd;
    size_t n;
    off_t *offset;
    size_t *length;
};
static volatile int sink;

static void parse_lines(void *arg, size_t from, size_t n)
{
    const struct log *log = arg;
    uint64_t state = from + 1;
    char line[4096];
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)(bench_random(&state) % log->n);
        if (pread(log->fd, line, log->length[k], log->offset[k]) != (ssize_t)log->length[k])
            bench_die("pread", "short");
        line[log->length[k]] = '\0';
        struct json_object *object = json_tokener_parse(line);
        sink += json_object_object_length(object);
        json_object_put(object);
    }
}

static void get(void *arg, size_t from, size_t n)
{
    uint64_t state = from + 1;
    for (size_t i = 0; i < n; i++) {
        char key[17];
        pxt_entry *entry;
        bench_key(bench_random(&state) % 10000, key);
        if (pxt_cache_get(arg, key, &entry, NULL) != PXT_OK)
            bench_die(key, "is not there");
        sink += (int)pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT);
        pxt_entry_release(entry);
    }
}

static void index_log(struct log *log, const char *path)
{
    size_t room = 20000, length;
    off_t at = 0;
    char line[4096];
    FILE *file = fopen(path, "r");
    log->offset = malloc(room * sizeof *log->offset);
    log->length = malloc(room * sizeof *log->length);
    log->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!file || log->fd < 0 || !log->offset || !log->length)
        bench_die(path, "cannot be read");
    for (log->n = 0; log->n < room && fgets(line, sizeof line, file); at += (off_t)length) {
        length = strlen(line);
        log->offset[log->n] = at;
        log->length[log->n++] = length - 1;
    }
    fclose(file);
}

void bench_jsonl(void)
{
    struct log log;
    char path[300];
    pxt_cache *cache =
        bench_open("encryptor: {plugin: plain}\ntiers: [{plugin: l2_jsonl, shards: 1, dir: %s/jsonl}]", bench_folder());
    bench_fill(cache, 0, 10000, 1000000);
    snprintf(path, sizeof path, "%s/jsonl/shard_00.jsonl", bench_folder());
    index_log(&log, path);
    bench_compare("get answered by l2_jsonl, 10 000 entries", "pread + json-c parse", 1.0, bench_amount(5000), 21, get,
                  cache, parse_lines, &log);
    pxt_cache_close(cache);
    close(log.fd);
    free(log.offset);
    free(log.length);
}
