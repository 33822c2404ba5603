/* SPDX-License-Identifier: MIT
 *
 * holds.h: who holds which entry, without a counter that threads share.
 */
#ifndef PXT_HOLDS_H
#define PXT_HOLDS_H

#include <proxtier/plugin.h>

/* See pxt_host.thread_index. */
unsigned pxt_thread_index(void);
/* Frees what was let go and is named by no slot; called in batches, and when a cache closes. */
void pxt_holds_reclaim(void);

#endif
