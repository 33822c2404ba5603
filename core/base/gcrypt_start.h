/* SPDX-License-Identifier: MIT
 *
 * gcrypt_start.h: the start of libgcrypt.
 */
#ifndef PXT_GCRYPT_START_H
#define PXT_GCRYPT_START_H

#include <proxtier/error.h>

/* Initialises libgcrypt, once in a process, before its first use; a program that has begun to initialise libgcrypt itself
 * is left alone. Fails where memory or a file descriptor is short; the next call tries again. */
pxt_status pxt_gcrypt_start(struct pxt_error *error);

#endif
