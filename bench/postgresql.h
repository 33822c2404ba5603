/* SPDX-License-Identifier: MIT
 *
 * postgresql.h: the parts of the subject postgresql. `folder` has the server's socket in the folder s.
 */
#ifndef BENCH_POSTGRESQL_H
#define BENCH_POSTGRESQL_H

/* The server as it is from afar: threads, and a list that is warmed. */
void bench_postgresql_far(const char *folder);
/* Choosing one, beside a get. */
void bench_postgresql_select(const char *folder);

#endif
