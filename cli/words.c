/* SPDX-License-Identifier: MIT
 *
 * words.c: words of the command line that are not known: an error that names the word which was meant.
 */
#include "command.h"
#include <string.h>

/* Values that options of several commands share. Options with values of their own are checked where they are read. */
static const struct {
    const char *option, *words;
} values[] = {{"scheme", "http|https|socks4|socks4a|socks5|socks5h"},
              {"default-scheme", "http|https|socks4|socks4a|socks5|socks5h"},
              {"log-level", "error|warning|notice|info|debug"}};

/* The next word of a list like "check|show"; false at its end. A word ends before a space: "info NAME|test NAME". */
static bool next_word(const char **list, char word[64])
{
    size_t length = strcspn(*list, "| ");
    if (!length)
        return false;
    snprintf(word, 64, "%.*s", (int)length, *list);
    *list += strcspn(*list, "|");
    *list += **list == '|';
    return true;
}

/* Keeps the nearest of the words that are tried in turn. */
struct meant {
    char word[64];
    unsigned distance;
};

static void try(struct meant *meant, const char *word, const char *known)
{
    unsigned distance;
    if (pxt_word_near(word, known, &distance) && (!*meant->word || distance < meant->distance)) {
        snprintf(meant->word, sizeof meant->word, "%s", known);
        meant->distance = distance;
    }
}

/* One word is the beginning of exactly one: that one is meant. */
static void try_beginning(struct meant *meant, const char *word, const char *known, unsigned *beginnings)
{
    size_t length = strlen(word);
    if (length > 1 && !strncmp(word, known, length) && ++*beginnings == 1)
        snprintf(meant->word, sizeof meant->word, "%s", known);
}

int unknown_command(const char *name)
{
    struct meant meant = {.word = ""}, begun = {.word = ""};
    unsigned beginnings = 0;
    for (const struct command *command = commands; command->name; command++) {
        try(&meant, name, command->name);
        try_beginning(&begun, name, command->name, &beginnings);
    }
    const char *hint = beginnings == 1 ? begun.word : meant.word;
    return *hint ? usage(NULL, "unknown command \"%s\" (did you mean \"%s\"?)", name, hint)
                 : usage(NULL, "unknown command \"%s\"", name);
}

int unknown_option(const struct invocation *invocation, const char *given)
{
    struct meant meant = {.word = ""}, begun = {.word = ""};
    unsigned beginnings = 0;
    char word[64];
    size_t dashes = strspn(given, "-");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(given + dashes, "="), given + dashes);
    for (int pass = 0; dashes == 2 && pass < 2; pass++) {
        const struct option_row *row = pass                  ? global_options
                                       : invocation->command ? invocation->command->options
                                                             : NULL;
        for (; row && row->name; row++) {
            if (!strcmp(row->name, word) && !row->argument)
                return usage(invocation, "--%s takes no value", word);
            try(&meant, word, row->name);
            try_beginning(&begun, word, row->name, &beginnings);
        }
    }
    const char *hint = beginnings == 1 ? begun.word : meant.word;
    return *hint ? usage(invocation, "unknown option --%s (did you mean --%s?)", word, hint)
                 : usage(invocation, "unknown option %.*s", (int)strcspn(given, "="), given);
}

int unknown_field(const struct invocation *invocation, const char *given)
{
    struct meant meant = {.word = ""}, begun = {.word = ""};
    unsigned beginnings = 0;
    size_t count;
    const struct pxt_field *const *fields = pxt_fields(&count);
    try(&meant, given, "url");
    for (size_t i = 0; i < count; i++) {
        if (fields[i]->flags & PXT_FIELD_INTERNAL)
            continue;
        try(&meant, given, fields[i]->name);
        try_beginning(&begun, given, fields[i]->name, &beginnings);
    }
    const char *hint = beginnings == 1 ? begun.word : meant.word;
    return *hint ? usage(invocation, "--show does not know \"%s\" (did you mean \"%s\"?)", given, hint)
                 : usage(invocation, "--show does not know \"%s\": it is url, or a field as `proxtier show` names it",
                         given);
}

int check_word(const struct invocation *invocation, const char *what, const char *given, const char *words)
{
    struct meant meant = {.word = ""};
    char known[64];
    for (const char *list = words; next_word(&list, known);) {
        if (!strcmp(known, given))
            return -1;
        try(&meant, given, known);
    }
    return *meant.word
               ? usage(invocation, "%s \"%s\" is not one of %s (did you mean \"%s\"?)", what, given, words, meant.word)
               : usage(invocation, "%s \"%s\" is not one of %s", what, given, words);
}

int check_value(const struct invocation *invocation, const char *name, const char *value)
{
    char what[64];
    snprintf(what, sizeof what, "--%s", name);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!strcmp(values[i].option, name))
            return check_word(invocation, what, value, values[i].words);
    return -1;
}
