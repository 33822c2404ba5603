/* SPDX-License-Identifier: MIT
 *
 * interrupts.c: SIGINT, SIGTERM and SIGHUP in commands that tell how far they came.
 */
#include "interrupts.h"
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* Without SA_RESTART, so that waiting for a pipe ends. */
void interrupts_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, old;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

int interrupts_caught(void)
{
    return caught;
}

int interrupts_end(void)
{
    signal(caught, SIG_DFL);
    raise(caught);
    return 128 + caught;
}
