/* SPDX-License-Identifier: MIT
 *
 * hazard.h: who holds which entry, without a counter that threads share.
 */
#ifndef PXT_HOLDS_H
#define PXT_HOLDS_H

#include <proxtier/plugin.h>

/* The calling thread's number + 1; 0: it has none yet. */
extern _Thread_local unsigned pxt_thread_number __attribute__((tls_model("initial-exec"), visibility("hidden")));
unsigned pxt_thread_take_number(void) __attribute__((cold, noinline));

/* See pxt_host.thread_index. */
static inline unsigned pxt_thread_self(void)
{
    unsigned number = pxt_thread_number;
    return __builtin_expect(number != 0, 1) ? number - 1 : pxt_thread_take_number();
}
unsigned pxt_thread_index(void);
/* Frees what was let go and is named by no slot; called in batches, and when a cache closes. */
void pxt_holds_reclaim(void);

#endif
