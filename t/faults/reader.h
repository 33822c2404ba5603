/* SPDX-License-Identifier: MIT
 *
 * reader.h: what the parts of the reader share. The reader looks at the files of a chain and at the log of what callers
 * were told, without libproxtier: of proxtier it has the table of fields in <proxtier/entry.h> only.
 */
#ifndef FAULTS_READER_H
#define FAULTS_READER_H

#include <proxtier/entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { READER_TIERS = 8, READER_TEXT = 256 };

/* What one durable tier has of one key. */
struct copy {
    char key[PXT_KEY_MAX + 1];
    unsigned tier;
    uint64_t version;             /* 0: none is stored */
    bool removed;                 /* a tombstone */
    char *field[PXT_FIELD_COUNT]; /* each as text that is the same for all tiers: see field_text() */
};
struct copies {
    struct copy *copy;
    size_t count, capacity;
};

/* Prints a difference; the reader then fails. */
void differs(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As malloc() and realloc(), but the reader ends where memory is short. */
void *room(void *old, size_t size);

/* ---- copies.c ---- */

/* Adds a copy without fields. It is valid until the next one is added. */
struct copy *copies_add(struct copies *copies, const char *key, unsigned tier);
/* Takes out the copy of a tier, if there is one. */
void copies_remove(struct copies *copies, const char *key, unsigned tier);
void copies_sort(struct copies *copies);
void copies_free(struct copies *copies);
/* "username_encrypted" of a credential, else the name. */
void field_column(unsigned field, char out[READER_TEXT]);
/* Sets a field: times in microseconds, a credential's token in hexadecimal, nothing as "". */
void field_set(struct copy *copy, unsigned field, const char *text);
void field_set_number(struct copy *copy, unsigned field, long long number);
/* Never NULL: what is absent has its default. */
const char *field_text(const struct copy *copy, unsigned field);

/* ---- read_jsonl.c, read_sqlite.c: read what a tier has ---- */

void read_jsonl(struct copies *copies, const char *folder, unsigned tier);
/* `table` is the main table, `extra` that of the other fields. */
void read_sqlite(struct copies *copies, const char *path, const char *table, const char *extra, unsigned tier);

/* ---- told.c: the log ---- */

void told_read(const char *path);
/* Says which answers no register per key could have given. */
void told_check_answers(void);
/* Says what is wrong with the last state of a key: `value` is NULL if there is no entry; `checks` are its health checks. */
void told_check_last(const char *key, const char *value, long long checks);
/* Calls `fn` for each key of the log. */
void told_each_key(void (*fn)(void *arg, const char *key), void *arg);
/* Keys that begin with e are put with a short time to live, and may be gone. */
static inline bool is_fleeting(const char *key)
{
    return key[0] == 'e';
}

#endif
