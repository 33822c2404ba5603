/* SPDX-License-Identifier: MIT
 *
 * get.c: proxtier get [KEY|URL...]
 */
#include "command.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static pxt_status print_one(const struct invocation *invocation, pxt_cache *cache, pxt_entry *entry, unsigned tier,
                            struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (option(invocation, "json"))
        print_json(stdout, entry);
    else
        status = print_url(stdout, cache, entry, option(invocation, "reveal") != NULL, error);
    if (status)
        return status;
    if (option(invocation, "tier"))
        printf("\t%s", pxt_cache_tier_name(cache, tier));
    putchar('\n');
    return PXT_OK;
}

/* Keys, and what a cache has of them. */
struct found {
    size_t count;
    char (*text)[PXT_KEY_MAX + 1];
    const char **key;
    pxt_entry **entry;
    pxt_status *result;
    unsigned *tier;
};

static bool make_room(struct found *found, size_t count)
{
    found->count = count;
    found->text = calloc(count, sizeof *found->text);
    found->key = calloc(count, sizeof *found->key);
    found->entry = calloc(count, sizeof(pxt_entry *));
    found->result = calloc(count, sizeof *found->result);
    found->tier = calloc(count, sizeof *found->tier);
    for (size_t i = 0; found->text && found->key && i < count; i++)
        found->key[i] = found->text[i];
    return found->text && found->key && found->entry && found->result && found->tier;
}

static void free_room(struct found *found)
{
    for (size_t i = 0; found->entry && i < found->count; i++)
        pxt_entry_release(found->entry[i]);
    free(found->text);
    free(found->key);
    free(found->entry);
    free(found->result);
    free(found->tier);
}

/* Prints those that are found and match. */
static int get_keys(const struct invocation *invocation, pxt_cache *cache, struct found *found)
{
    struct pxt_error error;
    bool missing = false;
    pxt_status status =
        pxt_cache_get_many(cache, found->key, found->count, found->entry, found->result, found->tier, &error);
    int code = status ? fail(&error) : 0;
    for (size_t i = 0; i < found->count && (!code || status); i++) {
        if (!found->entry[i] || !matches(invocation, found->entry[i]))
            missing = true;
        else if (print_one(invocation, cache, found->entry[i], found->tier[i], &error))
            return fail(&error);
    }
    return code ? code : missing ? EXIT_NO_MATCH : finish_output(0);
}

/* A sample of `wanted` keys, each as likely as any other (J. S. Vitter, "Random sampling with a reservoir", 1985). */
struct sample {
    const struct invocation *invocation;
    struct found found; /* room for the keys that are wanted */
    uint64_t wanted, seen;
};

/* Below `bound`, without bias. */
static uint64_t random_below(uint64_t bound)
{
    uint64_t number, limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            number = 0;
    } while (number >= limit);
    return number % bound;
}

static bool consider(void *arg, pxt_entry *entry)
{
    struct sample *sample = arg;
    int64_t health = pxt_entry_number(entry, PXT_FIELD_HEALTH_STATUS);
    if (health == PXT_HEALTH_UNHEALTHY || health == PXT_HEALTH_DEAD || !matches(sample->invocation, entry))
        return true;
    uint64_t place = sample->seen < sample->wanted ? sample->seen : random_below(sample->seen + 1);
    sample->seen++;
    if (place < sample->wanted)
        snprintf(sample->found.text[place], sizeof *sample->found.text, "%s", pxt_entry_key(entry));
    return true;
}

static int get_random(const struct invocation *invocation, pxt_cache *cache)
{
    struct pxt_error error;
    const char *count = option(invocation, "count");
    struct sample sample = {.invocation = invocation, .wanted = 1};
    char *end = NULL;
    if (count)
        sample.wanted = strtoull(count, &end, 10);
    if (count && (*end || !sample.wanted || sample.wanted > 1000000 || *count == '-'))
        return usage(invocation, "--count %s is not a number from 1 to 1000000", count);
    if (!make_room(&sample.found, (size_t)sample.wanted)) {
        free_room(&sample.found);
        return 70;
    }
    pxt_status status = pxt_cache_each(cache, consider, &sample, &error);
    /* With a tier off, any of the proxies that can be read will do. */
    bool good = !status || (status == PXT_EUNAVAILABLE && sample.seen);
    int code = !good ? fail(&error) : sample.seen ? 0 : EXIT_NO_MATCH;
    if (sample.seen < sample.wanted)
        sample.found.count = (size_t)sample.seen;
    if (!code)
        code = get_keys(invocation, cache, &sample.found);
    free_room(&sample.found);
    return code;
}

static int get_named(const struct invocation *invocation, pxt_cache *cache)
{
    struct found found;
    int code = 0;
    bool good = make_room(&found, (size_t)invocation->count);
    if (!good)
        code = 70;
    for (int i = 0; i < invocation->count && good; i++)
        good = key_of(invocation, cache, invocation->arguments[i], found.text[i], &code);
    if (good)
        code = get_keys(invocation, cache, &found);
    free_room(&found);
    return code;
}

int run_get(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    if (invocation->count && option(invocation, "count"))
        return usage(invocation, "--count goes without a key");
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    int code = invocation->count ? get_named(invocation, cache) : get_random(invocation, cache);
    pxt_cache_close(cache);
    return code;
}
