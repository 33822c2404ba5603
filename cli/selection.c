/* SPDX-License-Identifier: MIT
 *
 * selection.c: reads the options that select and choose entries.
 */
#include "selection.h"
#include <stdlib.h>
#include <string.h>

static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};
static const char *const healths[] = {
#define X(id, name) name,
    PXT_HEALTHS(X)
#undef X
        NULL};
static const char *const choices[] = {
#define X(id, name, help) name,
    PXT_CHOICES(X)
#undef X
        NULL};

/* How many letters have to be changed, left out or put in to make one word of the other (V. I. Levenshtein, 1966); of words
 * of up to 31 letters. */
static size_t distance(const char *a, size_t length, const char *b)
{
    enum { LETTERS = 31 };
    size_t row[LETTERS + 1], m = strlen(b);
    if (length > LETTERS || m > LETTERS)
        return LETTERS;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = changed < shorter ? changed : shorter;
        }
    }
    return row[m];
}

/* The index of a word; -1 with a message, which names the word that was probably meant. */
static int index_of(const struct invocation *invocation, const char *option_name, const char *const *words,
                    const char *word, size_t length, int *exit_code)
{
    const char *near = NULL;
    size_t nearest = length < 4 ? 2 : 3;
    for (int i = 0; words[i]; i++) {
        size_t far = distance(word, length, words[i]);
        if (!far)
            return i;
        if (far < nearest) {
            nearest = far;
            near = words[i];
        }
    }
    *exit_code = near ? usage(invocation, "--%s does not know \"%.*s\" (did you mean \"%s\"?)", option_name,
                              (int)length, word, near)
                      : usage(invocation, "--%s does not know \"%.*s\"", option_name, (int)length, word);
    return -1;
}

static bool read_health(const struct invocation *invocation, uint32_t *out, int *exit_code)
{
    const char *list = option(invocation, "health");
    *out = option(invocation, "healthy") ? PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) : 0;
    if (list && *out) {
        *exit_code = usage(invocation, "--healthy and --health exclude each other");
        return false;
    }
    while (list) {
        size_t length = strcspn(list, ",");
        int health = index_of(invocation, "health", healths, list, length, exit_code);
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
    if (selection->scheme &&
        index_of(invocation, "scheme", schemes, selection->scheme, strlen(selection->scheme), exit_code) < 0)
        return false;
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
    const char *way = option(invocation, "choose"), *session = option(invocation, "session");
    *choice = (struct pxt_select_options){.size = sizeof *choice, .session = session};
    if (!read_filter(invocation, selection, exit_code))
        return false;
    if (!selection->health)
        selection->health = PXT_HEALTH_BIT(PXT_HEALTH_UNKNOWN) | PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) |
                            PXT_HEALTH_BIT(PXT_HEALTH_DEGRADED);
    int index = way ? index_of(invocation, "choose", choices, way, strlen(way), exit_code)
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
