/* SPDX-License-Identifier: MIT
 *
 * lies.h: which fault a plugin of this folder has, by the environment variable LIE; none without it.
 */
#ifndef LIES_H
#define LIES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool lies(const char *fault)
{
    const char *lie = getenv("LIE");
    return lie && !strcmp(lie, fault);
}

#endif
