/* SPDX-License-Identifier: MIT
 *
 * call.c: the calls of plugins that run on a thread. Only those with a deadline are noted, so that a call without one
 * costs nothing.
 */
#include "plugin/call.h"
#include <stddef.h>

static _Thread_local struct pxt_call_frame *innermost;

void pxt_call_begin(struct pxt_call_frame *frame, const struct pxt_host *host, int64_t deadline)
{
    *frame = (struct pxt_call_frame){{.size = sizeof frame->call, .deadline = deadline}, host, innermost};
    innermost = frame;
}

void pxt_call_end(const struct pxt_call_frame *frame)
{
    innermost = frame->outer;
}

const struct pxt_call *pxt_call_of(const struct pxt_host *host)
{
    static const struct pxt_call none = {.size = sizeof none};
    for (const struct pxt_call_frame *frame = innermost; frame; frame = frame->outer)
        if (frame->host == host)
            return &frame->call;
    return &none;
}
