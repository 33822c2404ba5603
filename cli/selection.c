/* SPDX-License-Identifier: MIT
 *
 * selection.c: reads the options that select and choose entries.
 */
#include "selection.h"
#include <stdlib.h>
#include <string.h>

/* The index of a word among `n`; -1 with a message, which names the word that was probably meant. */
static int index_of(const struct invocation *invocation, const char *what, const char *const *words, int n,
                    const char *word, int *exit_code)
{
    char list[400];
    size_t length = 0;
    for (int i = 0; i < n; i++) {
        if (!strcmp(words[i], word))
            return i;
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? "|" : "", words[i]);
    }
    *exit_code = check_word(invocation, what, word, list);
    return -1;
}

static bool read_health(const struct invocation *invocation, uint32_t *out, int *exit_code)
{
    static const char *const names[] = {
#define X(id, name) name,
        PXT_HEALTHS(X)
#undef X
    };
    char word[64];
    const char *list = option(invocation, "health");
    *out = option(invocation, "healthy") ? PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) : 0;
    if (list && *out) {
        *exit_code = usage(invocation, "--healthy and --health exclude each other");
        return false;
    }
    while (list) {
        size_t length = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        int health = index_of(invocation, "--health", names, PXT_HEALTH_COUNT, word, exit_code);
        if (health < 0)
            return false;
        *out |= PXT_HEALTH_BIT(health);
        list = list[length] ? list + length + 1 : NULL;
    }
    return true;
}

/* A number of at least 0. Absent: as it was. */
static bool read_number(const struct invocation *invocation, const char *name, bool whole, double *out, int *exit_code)
{
    const double max = 1e15;
    const char *text = option(invocation, name);
    char *end = NULL;
    if (!text)
        return true;
    *out = strtod(text, &end);
    bool digits = *text && text[strspn(text, whole ? "0123456789" : "0123456789.")] == '\0';
    if (digits && !*end && *out <= max)
        return true;
    *exit_code = usage(invocation, "--%s %s is no number", name, text);
    return false;
}

bool read_filter(const struct invocation *invocation, struct pxt_selection *selection, int *exit_code)
{
    const char *ttl = option(invocation, "min-ttl");
    double failures = -1;
    pxt_selection_init(selection);
    selection->source = option(invocation, "source");
    selection->scheme = option(invocation, "scheme");
    selection->host = option(invocation, "host");
    selection->country = option(invocation, "country");
    selection->tag = option(invocation, "tag");
    if (!read_health(invocation, &selection->health, exit_code) ||
        !read_number(invocation, "max-failures", true, &failures, exit_code) ||
        !read_number(invocation, "max-latency", false, &selection->max_latency_ms, exit_code))
        return false;
    selection->max_failures = (int64_t)failures;
    if (ttl && !read_seconds(ttl, &selection->min_ttl)) {
        *exit_code = usage(invocation, "--min-ttl %s is no time such as 90s, 15m or 1h", ttl);
        return false;
    }
    return true;
}

bool filter_is_given(const struct invocation *invocation)
{
    static const struct option_row rows[] = {SELECT_ROWS, {NULL, 0, NULL, NULL}};
    for (const struct option_row *row = rows; row->name; row++)
        if (option(invocation, row->name))
            return true;
    return false;
}

bool read_selection(const struct invocation *invocation, struct pxt_selection *selection,
                    struct pxt_select_options *choice, int *exit_code)
{
    static const char *const names[] = {
#define X(id, name, help) name,
        PXT_CHOICES(X)
#undef X
    };
    const char *way = option(invocation, "choose"), *session = option(invocation, "session");
    *choice = (struct pxt_select_options){.size = sizeof *choice, .session = session};
    if (!read_filter(invocation, selection, exit_code))
        return false;
    if (!selection->health)
        selection->health = PXT_HEALTH_BIT(PXT_HEALTH_UNKNOWN) | PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) |
                            PXT_HEALTH_BIT(PXT_HEALTH_DEGRADED);
    int index = way ? index_of(invocation, "--choose", names, PXT_CHOICE_COUNT, way, exit_code)
                    : (int)(session ? PXT_CHOOSE_STICKY : PXT_CHOOSE_RANDOM);
    if (index < 0)
        return false;
    choice->choice = (enum pxt_choice)index;
    if ((choice->choice == PXT_CHOOSE_STICKY) == (session != NULL))
        return true;
    *exit_code = session ? usage(invocation, "--session is for --choose sticky")
                         : usage(invocation, "--choose sticky needs --session NAME");
    return false;
}
