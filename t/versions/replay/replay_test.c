/* SPDX-License-Identifier: MIT
 *
 * Schedules of the model are replayed in the real core: walks through the states that versions_model_test searches, each
 * as calls of two processes, with the faults of the schedule in the tiers, kill -9, lost power, and a clock that goes in
 * steps. Each answer and what the tiers have is judged by the promises of doc/versions.md.
 *
 *   replay_test                       3 000 schedules (PXT_LONG: 120 000; PXT_SLOW: 100; PXT_SCHEDULES: so many)
 *   replay_test --schedules N [FROM]  so many, from this number on
 *   replay_test --schedule N          one, told step by step: how a failure is looked at
 */
#include "../../lib/tap.h"
#include "conductor.h"
#include "pool.h"
#include <time.h>

/* Schedules of one setting in a row: the workers keep the pool open meanwhile. */
enum { IN_A_ROW = 50, ALL_SETTINGS = SETTINGS + LONG_SETTINGS };

/* ---- which schedule ---------------------------------------------------------------------------------------------- */

static const struct config *setting_of(uint64_t number)
{
    unsigned index = (unsigned)(number / IN_A_ROW % ALL_SETTINGS);
    return index < SETTINGS ? &settings[index] : &long_settings[index - SETTINGS];
}

static unsigned variant_of(uint64_t number)
{
    return (unsigned)(number / IN_A_ROW / ALL_SETTINGS);
}

/* The hashes of the schedules so far: a schedule that was walked before does not count. */
struct seen {
    uint64_t *hash;
    size_t slots, count;
};

static bool is_new(struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->slots - 1);
    while (seen->hash[at] && seen->hash[at] != hash)
        at = (at + 1) & (seen->slots - 1);
    if (seen->hash[at])
        return false;
    seen->hash[at] = hash;
    seen->count++;
    return true;
}

/* ---- replaying --------------------------------------------------------------------------------------------------- */

static struct crew crew;
static struct fidelity fidelity;

static void dismiss(void)
{
    for (unsigned p = 0; p < WORKERS; p++)
        crew_close(&crew, p);
}

/* Replays one schedule; true if all went as promised. */
static bool replay_one(uint64_t number, const struct schedule *schedule, bool tell)
{
    struct replay replay = {.schedule = schedule, .crew = &crew, .fidelity = &fidelity, .dice = number, .tell = tell};
    const char *wrong = conductor_replay(&replay, (unsigned)(number % IN_A_ROW));
    if (!wrong)
        return true;
    diag("schedule %llu (%s), step %u: %s", (unsigned long long)number, schedule->config.name, replay.at + 1, wrong);
    diag("look at it with: t/versions/replay/replay_test --schedule %llu", (unsigned long long)number);
    for (unsigned p = 0; p < WORKERS; p++)
        crew_kill(&crew, p);
    return false;
}

static void set_up(uint64_t number)
{
    dismiss();
    pool_set_up(setting_of(number), variant_of(number));
    for (unsigned p = 0; p < WORKERS; p++)
        if (!crew_start(&crew, p, false))
            diag("worker %u does not start", p);
}

/* Replays `count` schedules, as far as they differ, and returns how many went wrong. */
static unsigned replay_all(uint64_t from, uint64_t count, struct seen *seen)
{
    static struct schedule schedule;
    unsigned failed = 0;
    uint64_t setting = UINT64_MAX;
    for (uint64_t number = from; seen->count < count && failed < 5; number++) {
        walk(setting_of(number), number, false, &schedule);
        if (!is_new(seen, schedule.hash))
            continue;
        if (setting != number / IN_A_ROW)
            set_up(number);
        setting = number / IN_A_ROW;
        if (!replay_one(number, &schedule, false)) {
            failed++;
            setting = UINT64_MAX;
        }
    }
    return failed;
}

static int replay_alone(uint64_t number)
{
    static struct schedule schedule;
    walk(setting_of(number), number, true, &schedule);
    set_up(number);
    ok(replay_one(number, &schedule, true), "schedule %llu", (unsigned long long)number);
    return tap_done();
}

static const struct {
    enum action action;
    const char *name;
} kind[] = {{READ_TIER, "reads"}, {WRITE_TIER, "writes"}, {SYNC_TIER, "syncs"}, {STORE_CHECKPOINT, "checkpoints"}};

static void tell_fidelity(double seconds)
{
    const struct fidelity *f = &fidelity;
    diag("%llu schedules, %llu steps, %llu calls, %llu kills in %.0f s", (unsigned long long)f->schedules,
         (unsigned long long)f->steps, (unsigned long long)f->calls, (unsigned long long)f->kills, seconds);
    for (unsigned i = 0; i < sizeof kind / sizeof *kind; i++)
        diag("of %llu %s in the model the core made %llu then", (unsigned long long)f->accesses[kind[i].action],
             kind[i].name, (unsigned long long)f->met[kind[i].action]);
    diag("of %llu faults %llu met an access", (unsigned long long)f->faults, (unsigned long long)f->faults_met);
    diag("%llu changes were acknowledged, %llu gets answered, %llu gets had no answer; %llu calls were not interleaved",
         (unsigned long long)f->acked, (unsigned long long)f->told, (unsigned long long)f->refused,
         (unsigned long long)f->not_interleaved);
}

static int run(uint64_t from, uint64_t count)
{
    struct timespec begun, ended;
    struct seen seen = {.slots = 1024};
    while (seen.slots < 2 * count)
        seen.slots *= 2;
    seen.hash = calloc(seen.slots, sizeof *seen.hash);
    if (!seen.hash)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    is_int(replay_all(from, count, &seen), 0, "%llu different schedules of the model go as promised in the core",
           (unsigned long long)count);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    tell_fidelity((double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9);
    ok(fidelity.met[WRITE_TIER] * 2 > fidelity.accesses[WRITE_TIER],
       "the core makes most writes when the model makes them");
    ok(fidelity.faults_met * 2 > fidelity.faults, "most faults meet an access");
    free(seen.hash);
    return tap_done();
}

static uint64_t usual_count(void)
{
    const char *count = getenv("PXT_SCHEDULES");
    return count ? strtoull(count, NULL, 10) : getenv("PXT_LONG") ? 120000 : getenv("PXT_SLOW") ? 100 : 3000;
}

int main(int argc, char **argv)
{
    uint64_t count = argc >= 3 ? strtoull(argv[2], NULL, 10) : usual_count();
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool one = argc == 3 && !strcmp(argv[1], "--schedule");
    if (argc > 1 && !one && (argc < 3 || argc > 4 || strcmp(argv[1], "--schedules"))) {
        fprintf(stderr, "usage: replay_test [--schedules N [FROM] | --schedule N]\n");
        return 64;
    }
    crew_stay_together();
    if (!pool_make())
        return 1;
    pool_set_up(&settings[0], 0);
    int result = 1;
    if (!warm_up())
        printf("Bail out! the pool of a replay cannot be opened\n");
    else
        result = one ? replay_alone(count) : run(argc == 4 ? strtoull(argv[3], NULL, 10) : 0, count);
    dismiss();
    pool_remove();
    return result;
}
