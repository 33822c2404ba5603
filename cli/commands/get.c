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

/* How entries are printed: by columns, or in a format of export. */
struct printing {
    const struct invocation *invocation;
    pxt_cache *cache;
    struct columns columns;
    bool formatted;
    struct pxt_export_options format;
};

static int print_one(const struct printing *printing, pxt_entry *entry, unsigned tier)
{
    struct pxt_error error;
    if (print_columns(stdout, &printing->columns, printing->cache, entry, &error))
        return fail(&error);
    if (option(printing->invocation, "tier"))
        printf("\t%s", pxt_cache_tier_name(printing->cache, tier));
    putchar('\n');
    return 0;
}

/* An entry that has expired and is served all the same (fail_safe) matches as it did before. */
static bool matches(const struct pxt_selection *selection, pxt_cache *cache, const pxt_entry *entry)
{
    pxt_time now = pxt_cache_now(cache), last = pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT) - 1;
    return pxt_selection_matches(selection, entry, pxt_entry_is_stale(entry) && last < now ? last : now);
}

static void note_stale(const struct printing *printing, const pxt_entry *entry)
{
    if (pxt_entry_is_stale(entry) && !printing->invocation->quiet)
        fprintf(stderr,
                "proxtier: %s may be old: no tier could say what is newest (fail_safe); see `proxtier status`\n",
                pxt_entry_url(entry));
}

static void skipped(void *arg, const char *key, const char *reason)
{
    (void)arg;
    fprintf(stderr, "proxtier: %s is not printed: %s\n", key, reason);
}

/* Prints entries in the format, as one export, so that it has one beginning and one end. */
static int print_formatted(const struct printing *printing, pxt_entry *const *entries, size_t count)
{
    struct pxt_error error;
    struct pxt_export_options format = printing->format;
    struct pxt_export_counts counts = {.size = sizeof counts};
    format.entries = entries;
    format.entry_count = count;
    if (pxt_cache_export_as(printing->cache, stdout, &format, &counts, &error))
        return fail(&error);
    if (counts.bare && !printing->invocation->quiet)
        fputs("proxtier: notice: printed without credentials, which --reveal shows in the clear\n", stderr);
    return counts.skipped ? EXIT_DATA : 0;
}

static int print_all(const struct printing *printing, pxt_entry *const *entries, const unsigned *tiers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        note_stale(printing, entries[i]);
    if (printing->formatted)
        return count ? print_formatted(printing, entries, count) : 0;
    for (size_t i = 0; i < count; i++) {
        int code = print_one(printing, entries[i], tiers[i]);
        if (code)
            return code;
    }
    return 0;
}

/* Prints those that are found and match. */
static int get_keys(const struct printing *printing, const struct pxt_selection *selection, struct found *found)
{
    struct pxt_error error;
    pxt_cache *cache = printing->cache;
    size_t kept = 0;
    pxt_status status =
        pxt_cache_get_many(cache, found->key, found->count, found->entry, found->result, found->tier, &error);
    int code = status ? fail(&error) : 0;
    for (size_t i = 0; i < found->count; i++) {
        pxt_entry *entry = found->entry[i];
        found->entry[i] = NULL;
        if (entry && matches(selection, cache, entry)) {
            found->tier[kept] = found->tier[i];
            found->entry[kept++] = entry;
        } else {
            pxt_entry_release(entry);
        }
    }
    int printed = print_all(printing, found->entry, found->tier, kept);
    if (printed)
        return printed;
    return code ? code : kept < found->count ? EXIT_NO_MATCH : finish_output(0);
}

static int get_named(const struct printing *printing, const struct pxt_selection *selection)
{
    const struct invocation *invocation = printing->invocation;
    struct found found;
    int code = 0;
    bool good = make_room(&found, (size_t)invocation->count);
    if (!good)
        code = EXIT_INTERNAL;
    for (int i = 0; i < invocation->count && good; i++)
        good = key_of(invocation, printing->cache, invocation->arguments[i], found.text[i], &code);
    if (good)
        code = get_keys(printing, selection, &found);
    free_room(&found);
    return code;
}

static int get_chosen(const struct printing *printing, const struct pxt_selection *selection,
                      struct pxt_select_options *choice, size_t wanted)
{
    struct pxt_error error;
    size_t count = 0;
    int code = EXIT_INTERNAL;
    pxt_entry **entries = calloc(wanted, sizeof *entries);
    choice->tiers = calloc(wanted, sizeof *choice->tiers);
    if (entries && choice->tiers) {
        pxt_status status = pxt_cache_select(printing->cache, selection, choice, wanted, entries, &count, &error);
        code = status == PXT_NOT_FOUND ? nothing_matches(printing->invocation) : status ? fail(&error) : 0;
    }
    if (!code)
        code = print_all(printing, entries, choice->tiers, count);
    for (size_t i = 0; i < count; i++)
        pxt_entry_release(entries[i]);
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

/* Reads --format and --template, and how else entries are printed. False with a message. */
static bool read_printing(const struct invocation *invocation, struct printing *printing, int *code)
{
    static const char *const others[] = {"json", "show", "tier"};
    struct pxt_error error;
    *printing = (struct printing){.invocation = invocation, .format = PXT_EXPORT_OPTIONS_INIT};
    printing->format.format = option(invocation, "format");
    printing->format.pattern = option(invocation, "template");
    printing->format.reveal = option(invocation, "reveal") != NULL;
    printing->format.skipped = skipped;
    printing->formatted = printing->format.format || printing->format.pattern;
    if (!read_columns(invocation, &printing->columns, code))
        return false;
    if (!printing->formatted)
        return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (option(invocation, others[i])) {
            *code = usage(invocation, "--%s says nothing beside --format or --template", others[i]);
            return false;
        }
    if (!pxt_export_check(&printing->format, &error))
        return true;
    *code = usage(invocation, "%s", error.message);
    return false;
}

int run_get(struct invocation *invocation)
{
    struct pxt_error error;
    struct pxt_selection selection, filter;
    struct pxt_select_options choice;
    struct printing printing;
    size_t wanted;
    int code;
    if (!read_printing(invocation, &printing, &code) || !read_filter(invocation, &filter, &code) ||
        !read_selection(invocation, &selection, &choice, &code) || !read_count(invocation, &wanted, &code))
        return code;
    if (needless(invocation))
        return usage(invocation, "--%s is for a get without a key", needless(invocation));
    if (open_cache(invocation, &printing.cache, &error))
        return fail(&error);
    code = invocation->count ? get_named(&printing, &filter) : get_chosen(&printing, &selection, &choice, wanted);
    pxt_cache_close(printing.cache);
    return code;
}
