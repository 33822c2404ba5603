/* SPDX-License-Identifier: MIT
 *
 * rest.h: brings the hosts to rest, when no worker is there, and notes what all places have of each key.
 */
#ifndef SOAK_REST_H
#define SOAK_REST_H

#include "pool.h"

/* Ticks both hosts until no tier is in doubt. Then notes, for each key, what each host gets, what its files have, and what the
 * server has. Returns whether that was possible. */
bool look_at_rest(const struct host *hosts, const char *folder, struct journal *journal);

#endif
