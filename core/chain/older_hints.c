/* SPDX-License-Identifier: MIT
 *
 * older_hints.c: programs before versions kept in a file which tier missed which write. When their stores are taken over,
 * nothing else tells that a key which a tier still has was removed. The file is read once, and removed.
 *
 * A line is EVENT TAB TIER, for some events with TAB KEY: `+` a put was missed, `x` a removal, `-` that was made good, `=` all
 * that was remembered so far was. Other lines say that a tier was to be gone through as a whole, which is done anyway.
 */
#include "chain/older_hints.h"
#include "base/fail.h"
#include "base/key.h"
#include "chain/change.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = PXT_KEY_MAX + 300 };
enum missed { PUT = 1, REMOVAL };

struct hints {
    struct pxt_chain *chain;
    struct pxt_keymap missed[PXT_CHAIN_MAX]; /* `value`: enum missed */
    FILE *rest;                              /* of the file that is read: lines of tiers that cannot be asked now */
    bool no_memory;
};

/* One file of notes. */
struct notes {
    char *path, *rest;
    size_t rest_length;
};

/* Returns the path of the file; NULL: memory is short, or no tier is shared. */
static char *path_of(const struct pxt_chain *chain, const char *ending)
{
    const char *shared = chain->shared ? pxt_tier_shared_path(chain->shared) : NULL;
    return shared ? pxt_asprintf("%s.%s", shared, ending) : NULL;
}

static const char *const endings[] = {"missed", "hints"};
enum { ENDINGS = sizeof endings / sizeof *endings };

bool pxt_older_hints_exist(const struct pxt_chain *chain)
{
    bool exist = false;
    for (unsigned i = 0; i < ENDINGS; i++) {
        char *path = path_of(chain, endings[i]);
        exist |= path && !access(path, F_OK);
        pxt_free(path);
    }
    return exist;
}

static void note(struct hints *hints, unsigned tier, char event, const char *text)
{
    struct pxt_key key;
    size_t length = strlen(text);
    if (!length || length > PXT_KEY_MAX)
        return;
    pxt_key_init(&key, text, length);
    if (event == '-') {
        pxt_keymap_remove(&hints->missed[tier], &key);
        return;
    }
    struct pxt_keymap_item *item = pxt_keymap_add(&hints->missed[tier], &key);
    if (item)
        item->value = event == 'x' ? REMOVAL : PUT;
    hints->no_memory |= !item;
}

/* Takes one line, without its newline. */
static void read_line(struct hints *hints, char *line)
{
    char *name = line + 2, *key = NULL;
    if (!line[0] || !strchr("+x-=", line[0]) || line[1] != '\t')
        return;
    key = strchr(name, '\t');
    if (key)
        *key++ = '\0';
    for (unsigned i = 0; i < hints->chain->count; i++) {
        struct pxt_tier *tier = &hints->chain->tier[i];
        if (strcmp(tier->name, name) || !pxt_tier_on(tier))
            continue;
        if (line[0] == '=')
            pxt_keymap_free(&hints->missed[i]);
        else if (key)
            note(hints, i, line[0], key);
        return;
    }
    if (key)
        fprintf(hints->rest, "%c\t%s\t%s\n", line[0], name, key);
    else
        fprintf(hints->rest, "%c\t%s\n", line[0], name);
}

static pxt_status read_file(struct hints *hints, struct notes *notes, struct pxt_error *error)
{
    char line[LINE];
    const char *path = notes->path;
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? PXT_OK : pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", path);
    hints->rest = open_memstream(&notes->rest, &notes->rest_length);
    hints->no_memory = !hints->rest;
    while (!hints->no_memory && fgets(line, sizeof line, file)) {
        char *end = strchr(line, '\n');
        if (!end)
            continue; /* it was cut off, and is not acknowledged; or too long for a key */
        *end = '\0';
        read_line(hints, line);
    }
    hints->no_memory |= hints->rest && fclose(hints->rest);
    pxt_status status = PXT_OK;
    if (ferror(file))
        status = pxt_fail(error, PXT_EIO, errno, "cannot read %s", path);
    else if (hints->no_memory)
        status = pxt_fail_memory(error, "what tiers missed");
    fclose(file);
    return status;
}

static bool has_another(const struct hints *hints, unsigned tier, const struct pxt_key *key)
{
    for (unsigned i = 0; i < hints->chain->count; i++)
        if (i != tier && pxt_chain_bit(hints->chain, &hints->chain->tier[i]) &&
            pxt_tier_contains(&hints->chain->tier[i], key, NULL) == PXT_OK)
            return true;
    return false;
}

/* Takes out of a tier what was removed, and what another one has newer. */
static pxt_status make_good(struct hints *hints, unsigned tier, struct pxt_error *error)
{
    const struct pxt_keymap *missed = &hints->missed[tier];
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < missed->bucket_count && !status; i++)
        for (const struct pxt_keymap_item *item = missed->bucket[i]; item && !status; item = item->next) {
            if (item->value == PUT && !has_another(hints, tier, &item->key))
                continue;
            status = pxt_tier_del(&hints->chain->tier[tier], &item->key, PXT_REMOVE_DELETED, error);
            status = status == PXT_NOT_FOUND ? PXT_OK : status;
        }
    return status;
}

/* Puts the rest in the place of the file; removes it if there is none. */
static pxt_status replace(const struct notes *notes, struct pxt_error *error)
{
    if (!notes->rest_length) {
        if (unlink(notes->path) && errno != ENOENT)
            return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot remove %s", notes->path);
        return PXT_OK;
    }
    char *new_path = pxt_asprintf("%s.new", notes->path);
    FILE *file = new_path ? fopen(new_path, "we") : NULL;
    bool good = file && fwrite(notes->rest, 1, notes->rest_length, file) == notes->rest_length;
    if (file && fclose(file))
        good = false;
    good = good && !rename(new_path, notes->path);
    int code = errno;
    pxt_free(new_path);
    return good ? PXT_OK : pxt_fail(error, pxt_status_of_errno(code), code, "cannot replace %s", notes->path);
}

pxt_status pxt_older_hints_take(struct pxt_chain *chain, const bool *is_new, struct pxt_error *error)
{
    struct hints hints = {.chain = chain};
    struct notes notes[ENDINGS] = {0};
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < ENDINGS && !status; i++) {
        notes[i].path = path_of(chain, endings[i]);
        status = notes[i].path ? read_file(&hints, &notes[i], error) : pxt_fail_memory(error, "a path");
    }
    for (unsigned i = 0; i < chain->count && !status; i++)
        if (is_new[i]) /* else its entries may be newer than the file */
            status = make_good(&hints, i, error);
    if (!status)
        pxt_words_doubt_all(&chain->page, pxt_page_members(&chain->page));
    for (unsigned i = 0; i < ENDINGS; i++) {
        if (!status)
            status = replace(&notes[i], error);
        pxt_free(notes[i].path);
        free(notes[i].rest);
    }
    for (unsigned i = 0; i < PXT_CHAIN_MAX; i++)
        pxt_keymap_free(&hints.missed[i]);
    return status;
}
