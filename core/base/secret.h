/* SPDX-License-Identifier: MIT
 *
 * secret.h: secrets that are filled in place.
 */
#ifndef PXT_SECRET_H
#define PXT_SECRET_H

#include <proxtier/entry.h>

/* A secret with room for `size` bytes, to be filled by the caller and then given its length. NULL when out of memory.
 */
pxt_secret *pxt_secret_room(size_t size);
char *pxt_secret_bytes(pxt_secret *secret);
void pxt_secret_set_length(pxt_secret *secret, size_t length);

#endif
