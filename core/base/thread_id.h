/* SPDX-License-Identifier: MIT
 *
 * thread_id.h: a small number for each running thread, as an index into memory of a thread's own.
 */
#ifndef PXT_THREAD_ID_H
#define PXT_THREAD_ID_H

#include <proxtier/plugin.h>

/* The calling thread's number + 1; 0 if it has none yet. */
extern _Thread_local unsigned pxt_thread_number __attribute__((tls_model("initial-exec"), visibility("hidden")));
unsigned pxt_thread_take_number(void) __attribute__((cold, noinline));

/* Returns the calling thread's number: see pxt_host.thread_index. */
static inline unsigned pxt_thread_self(void)
{
    unsigned number = pxt_thread_number;
    return __builtin_expect(number != 0, 1) ? number - 1 : pxt_thread_take_number();
}
unsigned pxt_thread_index(void);
/* Returns a bound: every number ever given out is below it. */
unsigned pxt_thread_numbers_end(void);
/* Sets the one function that is called with the number of a thread that ends, before the number is given out again. */
void pxt_thread_at_exit(void (*fn)(unsigned number));

#endif
