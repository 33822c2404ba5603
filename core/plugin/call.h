/* SPDX-License-Identifier: MIT
 *
 * call.h: the calls of plugins that run on a thread, and their deadlines.
 */
#ifndef PXT_CALL_H
#define PXT_CALL_H

#include <proxtier/plugin.h>

/* A call, on the stack of whoever makes it. Calls of other instances may be inside it. */
struct pxt_call_frame {
    struct pxt_call call;
    const struct pxt_host *host; /* of the instance that is called */
    struct pxt_call_frame *outer;
};
/* Begins a call with a deadline on this thread. A call without one needs no frame. */
void pxt_call_begin(struct pxt_call_frame *frame, const struct pxt_host *host, int64_t deadline);
/* Ends the innermost call. */
void pxt_call_end(const struct pxt_call_frame *frame);
/* See pxt_host.call. */
const struct pxt_call *pxt_call_of(const struct pxt_host *host);

#endif
