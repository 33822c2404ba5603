/* SPDX-License-Identifier: MIT
 *
 * process.c: `proxtier get KEY` as a process, with many entries stored, beside an empty program that is linked with the
 * same libraries (bench/empty). Both are found beside the plugins that are being measured.
 */
#include "bench.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static double run(const char *const argv[])
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int state;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    double start = bench_now_us();
    if (posix_spawn(&child, argv[0], &actions, NULL, (char *const *)(void *)argv, environ))
        bench_die(argv[0], "cannot be started");
    if (waitpid(child, &state, 0) != child || state)
        bench_die(argv[0], "failed");
    double took = bench_now_us() - start;
    posix_spawn_file_actions_destroy(&actions);
    return took;
}

void bench_process(void)
{
    enum { ROUNDS = 101 };
    static double ours[ROUNDS], limit[ROUNDS], chosen[ROUNDS];
    const char *proxtier = getenv("BENCH_PROXTIER"), *empty = getenv("BENCH_EMPTY");
    char config[300], key[17];
    size_t n = bench_amount(100000), rounds = bench_quick() ? 21 : ROUNDS;
    if (!proxtier || !empty)
        bench_die("process", "BENCH_PROXTIER and BENCH_EMPTY name the programs: use `make bench`");
    snprintf(config, sizeof config, "%s/process.yaml", bench_folder());
    FILE *file = fopen(config, "w");
    if (!file ||
        fprintf(file,
                "encryptor: {plugin: fernet, auto_key_file: %s/k/fernet.key}\ntiers: [{plugin: l1_memory, "
                "max_entries: 1000}, {plugin: l2_jsonl, max_entries: 5000, eviction: fifo, dir: %s/process-l2}, "
                "{plugin: l3_sqlite, path: %s/process-l3.db}]\n",
                bench_folder(), bench_folder(), bench_folder()) < 0 ||
        fclose(file))
        bench_die(config, "cannot be written");
    struct pxt_error error;
    pxt_cache *cache;
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_file = config};
    if (pxt_cache_open(&options, &cache, &error))
        bench_die(config, error.message);
    bench_fill(cache, 0, n, 1000000);
    pxt_cache_close(cache);
    bench_key(n - 1, key); /* the last one: only the database has it at first */
    const char *const get[] = {proxtier, "--config", config, "get", key, NULL};
    const char *const nothing[] = {empty, NULL};
    const char *const choose[] = {proxtier, "--config", config, "get", "--healthy", NULL};
    run(choose); /* makes the index */
    for (size_t i = 0; i < rounds; i++) {
        ours[i] = run(get);
        limit[i] = run(nothing);
        chosen[i] = run(choose);
    }
    bench_row("`proxtier get KEY` as a process", "us", bench_median(ours, rounds), "empty program, same libraries",
              bench_median(limit, rounds), 2.0);
    bench_why(
        "  With memory alone the figure is 1.4x: plugins found, checked and loaded; with the JSONL folder 2.0x; the "
        "rest is\n"
        "  SQLite, half of that three or four fdatasync: the hit is counted, so its write-ahead log is begun, written "
        "back\n"
        "  and removed at the end. Tried, not kept: to leave the log behind saves a fifth, and makes of a database "
        "that\n"
        "  is one file three that only together have everything. No entry is read but the one that is asked for.");
    bench_row("`proxtier get --healthy` as a process", "us", bench_median(chosen, rounds), "`proxtier get KEY`",
              bench_median(ours, rounds), 1.5);
}
