/* SPDX-License-Identifier: MIT
 *
 * backup.h: the form of a backup: lines of JSON.
 *
 *   {"format": "proxtier-backup", "version": 1, "time": "..."}
 *   {"key": "...", ...}        an entry, as in the log of l2_jsonl, with the fields that the core keeps for itself
 *   {"check": "KEY", ...}      a check of that entry, the oldest first
 *   {"end": "proxtier-backup", "entries": N, "checks": N, "encryptor": "...", "keys": "...", "sha256": "..."}
 *
 * `encryptor` and `keys`, the ids of its keys, stand there if an entry has a credential; `keys` is "" where the encryptor tells
 * none, or could not open the first credential. The digest is that of all lines before the last.
 */
#ifndef PXT_BACKUP_H
#define PXT_BACKUP_H

#include "cache/cache_private.h"
#include "lists/out.h"
#include <gcrypt.h>
#include <stdio.h>

#define PXT_BACKUP_NAME "proxtier-backup"
enum {
    PXT_BACKUP_VERSION = 1,
    PXT_BACKUP_DIGEST = 64, /* hexadecimal digits */
    PXT_BACKUP_LINE_MAX = 262144
};

/* Writes the digest of what `digest` was given so far. False when out of memory. */
bool pxt_backup_digest(gcry_md_hd_t digest, char out[PXT_BACKUP_DIGEST + 1]);
/* Copies counts into the caller's struct, as far as that goes. `to` may be NULL. */
void pxt_backup_counts_copy(const struct pxt_backup_counts *from, struct pxt_backup_counts *to);

enum pxt_backup_kind { PXT_BACKUP_HEAD, PXT_BACKUP_ENTRY, PXT_BACKUP_CHECK, PXT_BACKUP_END };
/* What the last line says. */
struct pxt_backup_end {
    uint64_t entries, checks;
    char encryptor[64], keys[PXT_SEALER_IDS], sha256[PXT_BACKUP_DIGEST + 1];
};
/* A check, with room for what it borrows. */
struct pxt_backup_check {
    struct pxt_check check;
    char key[PXT_KEY_MAX + 1], error_message[PXT_TEXT_MAX + 1], url[PXT_TEXT_MAX + 1];
};

/* backup_read.c: goes over the lines of a backup. */
struct pxt_backup_reader {
    FILE *stream;
    const char *name;
    uint64_t number;     /* of the line, from 1 */
    gcry_md_hd_t digest; /* of the lines before this one */
    char *line;
    size_t length;
    enum pxt_backup_kind kind;
    pxt_entry *entry; /* of PXT_BACKUP_ENTRY */
    struct pxt_backup_check *check;
    struct pxt_backup_end end;
};
pxt_status pxt_backup_reader_open(struct pxt_backup_reader *reader, FILE *stream, const char *name,
                                  struct pxt_error *error);
void pxt_backup_reader_close(struct pxt_backup_reader *reader);
/* Reads the next line. `*more` is false behind the last one, which was complete. PXT_ECORRUPT names file and line. */
pxt_status pxt_backup_next(struct pxt_backup_reader *reader, bool *more, struct pxt_error *error);
/* Fails with the place of the line. */
pxt_status pxt_backup_wrong(const struct pxt_backup_reader *reader, pxt_status status, struct pxt_error *error,
                            const char *format, ...) PXT_PRINTF(4, 5);

#endif
