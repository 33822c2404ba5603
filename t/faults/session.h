/* SPDX-License-Identifier: MIT
 *
 * session.h: a fixed session over a chain, for faults in its middle (failing_calls.c), and the clean process after it.
 */
#ifndef FAULTS_SESSION_H
#define FAULTS_SESSION_H

#include "operations.h"

/* Opens the log; a log may have several callers, one after the other. False, with a message, if it cannot be opened. */
bool session_log(struct operations *operations, const char *log, char caller);
/* Runs the session; it goes on after what fails. */
int session_script(struct operations *operations, const char *yaml);
/* Opens the chain, waits until it is at rest, reads all, closes. Prints what fails, and is then not 0. `by_machine`: by the
 * clock of the machine, after processes that were killed. */
int session_rest(struct operations *operations, const char *yaml, const char *log, bool by_machine);
/* Calls a function of failing_calls.c; false if that is not there. */
bool session_call(const char *name);

#endif
