/* SPDX-License-Identifier: MIT
 *
 * crew.c: starts, leads and kills the worker processes.
 */
#include "crew.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60 };

void crew_stay_together(void)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all))
        return;
    unsigned chosen = (unsigned)getpid() % (unsigned)CPU_COUNT(&all), processor = 0;
    for (;; processor++)
        if (CPU_ISSET(processor, &all) && !chosen--)
            break;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one); /* if it fails, the replay is slower */
}

/* Waits until a worker stops or returns. */
static bool wait_for(struct crew *crew, unsigned number)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    for (int i = 0; i < PATIENCE;) {
        if (!sem_timedwait(&replay_board->worker[number].told, &until))
            return true;
        if (errno == EINTR)
            continue;
        if (waitpid(crew->pid[number], NULL, WNOHANG) == crew->pid[number]) {
            crew->pid[number] = 0; /* it has ended */
            return false;
        }
        until.tv_sec++;
        i++;
    }
    return false;
}

bool crew_start(struct crew *crew, unsigned number, bool no_repair)
{
    struct worker *worker = &replay_board->worker[number];
    if (crew->pid[number])
        return true;
    sem_init(&worker->go, 1, 0);
    sem_init(&worker->told, 1, 0);
    worker->running = false;
    worker->no_repair = no_repair;
    fflush(stdout);
    crew->pid[number] = fork();
    if (crew->pid[number] < 0)
        crew->pid[number] = 0;
    else if (!crew->pid[number])
        _exit(prctl(PR_SET_PDEATHSIG, SIGKILL) ? 1 : work(number));
    return crew->pid[number] && wait_for(crew, number) && worker->status == PXT_OK;
}

bool crew_call(struct crew *crew, unsigned number)
{
    sem_post(&replay_board->worker[number].go);
    return wait_for(crew, number);
}

bool crew_go_on(struct crew *crew, unsigned number, enum route route)
{
    replay_board->worker[number].route = route;
    sem_post(&replay_board->worker[number].go);
    return wait_for(crew, number);
}

void crew_kill(struct crew *crew, unsigned number)
{
    if (!crew->pid[number])
        return;
    kill(crew->pid[number], SIGKILL);
    waitpid(crew->pid[number], NULL, 0);
    crew->pid[number] = 0;
    replay_board->worker[number].running = false;
}

void crew_close(struct crew *crew, unsigned number)
{
    if (!crew->pid[number])
        return;
    replay_board->worker[number].call = CALL_CLOSE;
    sem_post(&replay_board->worker[number].go);
    waitpid(crew->pid[number], NULL, 0);
    crew->pid[number] = 0;
}
