/* SPDX-License-Identifier: MIT
 *
 * get.c: proxtier get [KEY|URL...]
 */
#include "columns.h"
#include "selection.h"
#include <stdlib.h>
#include <string.h>

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

static int print_one(const struct invocation *invocation, pxt_cache *cache, const struct columns *columns,
                     pxt_entry *entry, unsigned tier)
{
    struct pxt_error error;
    if (pxt_entry_is_stale(entry) && !invocation->quiet)
        fprintf(stderr,
                "proxtier: %s may be old: no tier could say what is newest (fail_safe); see `proxtier status`\n",
                pxt_entry_url(entry));
    if (print_columns(stdout, columns, cache, entry, &error))
        return fail(&error);
    if (option(invocation, "tier"))
        printf("\t%s", pxt_cache_tier_name(cache, tier));
    putchar('\n');
    return 0;
}

/* An entry that has expired and is served all the same (fail_safe) matches as it did before. */
static bool matches(const struct pxt_selection *selection, pxt_cache *cache, const pxt_entry *entry)
{
    pxt_time now = pxt_cache_now(cache), last = pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT) - 1;
    return pxt_selection_matches(selection, entry, pxt_entry_is_stale(entry) && last < now ? last : now);
}

/* Prints those that are found and match. */
static int get_keys(const struct invocation *invocation, pxt_cache *cache, const struct columns *columns,
                    const struct pxt_selection *selection, struct found *found)
{
    struct pxt_error error;
    bool missing = false;
    pxt_status status =
        pxt_cache_get_many(cache, found->key, found->count, found->entry, found->result, found->tier, &error);
    int code = status ? fail(&error) : 0;
    for (size_t i = 0; i < found->count && (!code || status); i++) {
        if (!found->entry[i] || !matches(selection, cache, found->entry[i])) {
            missing = true;
            continue;
        }
        int printed = print_one(invocation, cache, columns, found->entry[i], found->tier[i]);
        if (printed)
            return printed;
    }
    return code ? code : missing ? EXIT_NO_MATCH : finish_output(0);
}

static int get_named(const struct invocation *invocation, pxt_cache *cache, const struct columns *columns,
                     const struct pxt_selection *selection)
{
    struct found found;
    int code = 0;
    bool good = make_room(&found, (size_t)invocation->count);
    if (!good)
        code = EXIT_INTERNAL;
    for (int i = 0; i < invocation->count && good; i++)
        good = key_of(invocation, cache, invocation->arguments[i], found.text[i], &code);
    if (good)
        code = get_keys(invocation, cache, columns, selection, &found);
    free_room(&found);
    return code;
}

static int get_chosen(const struct invocation *invocation, pxt_cache *cache, const struct columns *columns,
                      const struct pxt_selection *selection, struct pxt_select_options *choice, size_t wanted)
{
    struct pxt_error error;
    size_t count = 0;
    int code = EXIT_INTERNAL;
    pxt_entry **entries = calloc(wanted, sizeof *entries);
    choice->tiers = calloc(wanted, sizeof *choice->tiers);
    if (entries && choice->tiers) {
        pxt_status status = pxt_cache_select(cache, selection, choice, wanted, entries, &count, &error);
        code = status == PXT_NOT_FOUND ? nothing_matches(invocation) : status ? fail(&error) : 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!code)
            code = print_one(invocation, cache, columns, entries[i], choice->tiers[i]);
        pxt_entry_release(entries[i]);
    }
    free(entries);
    free(choice->tiers);
    return code ? code : finish_output(0);
}

/* Reads --count. False with a message. */
static bool read_count(const struct invocation *invocation, size_t *wanted, int *code)
{
    const char *count = option(invocation, "count");
    char *end = NULL;
    unsigned long number = count ? strtoul(count, &end, 10) : 1;
    bool good = !count || (*count >= '0' && *count <= '9' && !*end && number > 0 && number <= 1000000);
    *wanted = number;
    if (!good)
        *code = usage(invocation, "--count %s is not a number from 1 to 1000000", count);
    return good;
}

/* Options that say nothing beside a key. */
static const char *needless(const struct invocation *invocation)
{
    static const char *const names[] = {"count", "choose", "session", NULL};
    for (int i = 0; names[i]; i++)
        if (invocation->count && option(invocation, names[i]))
            return names[i];
    return NULL;
}

int run_get(struct invocation *invocation)
{
    struct pxt_error error;
    struct pxt_selection selection, filter;
    struct pxt_select_options choice;
    struct columns columns;
    size_t wanted;
    pxt_cache *cache;
    int code;
    if (!read_columns(invocation, &columns, &code) || !read_filter(invocation, &filter, &code) ||
        !read_selection(invocation, &selection, &choice, &code) || !read_count(invocation, &wanted, &code))
        return code;
    if (needless(invocation))
        return usage(invocation, "--%s is for a get without a key", needless(invocation));
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    code = invocation->count ? get_named(invocation, cache, &columns, &filter)
                             : get_chosen(invocation, cache, &columns, &selection, &choice, wanted);
    pxt_cache_close(cache);
    return code;
}
