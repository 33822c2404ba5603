/* SPDX-License-Identifier: MIT
 *
 * interrupts.h: SIGINT, SIGTERM and SIGHUP in commands that tell how far they came.
 */
#ifndef CLI_INTERRUPTS_H
#define CLI_INTERRUPTS_H

/* From now on a signal is noted, and system calls that wait end. Signals that are ignored stay so. */
void interrupts_catch(void);
/* The signal that came; 0: none. */
int interrupts_caught(void);
/* Ends as the signal would have ended the process, for the sake of the shell that waits. */
int interrupts_end(void);

#endif
