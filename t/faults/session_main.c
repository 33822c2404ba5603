/* SPDX-License-Identifier: MIT
 *
 * session_main.c: the program session.
 *   session script YAML LOG   the session of session.h
 *   session rest YAML LOG     the clean process after it
 *   session rest-now YAML LOG the same by the clock of the machine, after processes that were killed
 *   session works             whether failing_calls.c is there and memory can fail
 */
#include "session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int works(void)
{
    setenv("FAULT_CALL", "alloc", 1);
    setenv("FAULT_NUMBER", "1", 1);
    session_call("faults_begin");
    void *volatile memory = malloc(1);
    bool failed = !memory;
    free(memory);
    return failed && session_call("faults_end") ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct operations operations;
    if (argc == 2 && !strcmp(argv[1], "works"))
        return works();
    bool is_script = argc > 1 && !strcmp(argv[1], "script"), is_now = argc > 1 && !strcmp(argv[1], "rest-now");
    if (argc != 4 || (!is_script && !is_now && strcmp(argv[1], "rest"))) {
        fprintf(stderr, "usage: session script|rest|rest-now YAML LOG, or session works\n");
        return 64;
    }
    if (!session_log(&operations, argv[3], argv[1][0]))
        return 66;
    return is_script ? session_script(&operations, argv[2]) : session_rest(&operations, argv[2], argv[3], is_now);
}
