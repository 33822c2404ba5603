/* SPDX-License-Identifier: MIT
 *
 * get.c: proxtier get [KEY|URL]
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

static int get_key(const struct invocation *invocation, pxt_cache *cache, const char *key)
{
    struct pxt_error error;
    pxt_entry *entry;
    unsigned tier;
    pxt_status status = pxt_cache_get_from(cache, key, &entry, &tier, &error);
    if (status == PXT_NOT_FOUND)
        return EXIT_NO_MATCH;
    if (status)
        return fail(&error);
    if (matches(invocation, entry))
        status = print_one(invocation, cache, entry, tier, &error);
    else
        status = PXT_NOT_FOUND;
    pxt_entry_release(entry);
    return status == PXT_NOT_FOUND ? EXIT_NO_MATCH : status ? fail(&error) : finish_output(0);
}

/* A sample of `wanted` keys, each as likely as any other (J. S. Vitter, "Random sampling with a reservoir", 1985). */
struct sample {
    const struct invocation *invocation;
    char (*key)[PXT_KEY_MAX + 1];
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
        snprintf(sample->key[place], sizeof *sample->key, "%s", pxt_entry_key(entry));
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
    sample.key = calloc((size_t)sample.wanted, sizeof *sample.key);
    if (!sample.key)
        return 70;
    pxt_status status = pxt_cache_each(cache, consider, &sample, &error);
    /* With a tier off, any of the proxies that can be read will do. */
    bool good = !status || (status == PXT_EUNAVAILABLE && sample.seen);
    int code = !good ? fail(&error) : sample.seen ? 0 : EXIT_NO_MATCH;
    for (uint64_t i = 0; !code && i < sample.wanted && i < sample.seen; i++)
        code = get_key(invocation, cache, sample.key[i]);
    free(sample.key);
    return code;
}

int run_get(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    char key[PXT_KEY_MAX + 1];
    int code = 0;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!invocation->count)
        code = get_random(invocation, cache);
    else if (key_of(invocation, cache, invocation->arguments[0], key, &code))
        code = get_key(invocation, cache, key);
    pxt_cache_close(cache);
    return code;
}
