/* SPDX-License-Identifier: MIT
 *
 * input.h: the bytes of a list as its reader wants them: unpacked (gzip), in UTF-8 without a byte order mark, with lines
 * that end in LF.
 */
#ifndef PXT_INPUT_H
#define PXT_INPUT_H

#include <proxtier/error.h>
#include <stdbool.h>
#include <stdio.h>

struct pxt_input;
/* What the first bytes of a list look like, for those who tell its format. */
enum { PXT_INPUT_PEEK = 65536 + 4096 };

/* Begins to read `raw`, which stays the caller's. `path` is for messages, and must outlive the input. `*read` is raised by
 * what is read of `raw`. `stop` (may be NULL) is asked when a read was interrupted; true ends the input, as its end would.
 * PXT_ENOMEM. */
pxt_status pxt_input_open(FILE *raw, const char *path, uint64_t *read, bool (*stop)(void *arg), void *arg,
                          struct pxt_input **out, struct pxt_error *error);
/* The stream of decoded bytes. */
FILE *pxt_input_stream(struct pxt_input *input);
/* The first bytes of it, at most PXT_INPUT_PEEK; `*whole` says whether that is all. To be called before the stream is
 * read. */
const char *pxt_input_peek(struct pxt_input *input, size_t *length, bool *whole);
/* Why the stream ended before the end of the list, or PXT_OK. */
pxt_status pxt_input_status(const struct pxt_input *input, struct pxt_error *error);
/* Wipes what was read. NULL is allowed. */
void pxt_input_close(struct pxt_input *input);

#endif
