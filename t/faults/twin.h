/* SPDX-License-Identifier: MIT
 *
 * twin.h: a session that is run once for all its places: at each call that is to fail it forks a twin, in which the call
 * fails and which goes on to the end (sweep.c). So that the twin does what a session of its own would do, failing_calls.c
 * shows both of them what such a session sees, as far as the kernel would show them the other one:
 *   - Locks. The twin has those of the session: for both, locks are kept in a table of the process (twin.c), not by the
 *     kernel. Nobody else uses the files meanwhile; the clean process afterwards finds no lock, as after any death.
 *   - The number of links of a file, and the time of its change, which putting files back alters (snapshot.c).
 *   - The id of the process.
 */
#ifndef FAULTS_TWIN_H
#define FAULTS_TWIN_H

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

enum { TWIN_FILES = 256 };

/* What a file shows instead of what it has. */
struct twin_file {
    ino_t inode;
    nlink_t more;                    /* links that are not the session's */
    struct timespec changed, before; /* a file that was changed at the first time shows the second */
};

/* In memory that the session, its twins and the clean process share. */
struct twin_files {
    unsigned count;
    struct twin_file file[TWIN_FILES];
};

/* Called at each call of the class, with its number, from 1. Returns true in a twin, where the call is to fail. */
typedef bool twin_place_fn(unsigned long number);

/* faults_twin() of the library: from now on the process sees files as `files` says; with `place`, which is called at each
 * place, it is a session that forks twins. */
typedef void twin_fn(const struct twin_files *files, twin_place_fn *place);

/* ---- between twin.c and failing_calls.c ---- */

/* Asks place(); false without one. */
bool twin_fails(unsigned long number);
/* Whether locks are those of the table. */
bool twin_has_locks(void);
int twin_flock(int fd, int operation);
int twin_fcntl_lock(int fd, int command, void *arg);

#endif
