/* SPDX-License-Identifier: MIT
 *
 * threads.c: the same work in sixteen threads, which start at once and take turns wherever the plugin calls its host.
 */
#include "suite.h"
#include <pthread.h>

enum { THREADS = 16 };

struct worker {
    struct subject subject; /* with an error of its own */
    work_fn *work;
    void *arg;
    unsigned number;
    pthread_barrier_t *start;
};

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    pthread_barrier_wait(worker->start);
    worker->work(&worker->subject, worker->number, worker->arg);
    return NULL;
}

unsigned in_many_threads(const struct subject *subject, work_fn *work, void *arg)
{
    static struct worker worker[THREADS];
    pthread_t thread[THREADS];
    pthread_barrier_t start;
    expect(!pthread_barrier_init(&start, NULL, THREADS), "a barrier cannot be made");
    host_yields(true);
    for (unsigned i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){.subject = *subject, .work = work, .arg = arg, .number = i, .start = &start};
        expect(!pthread_create(&thread[i], NULL, run_worker, &worker[i]), "a thread cannot be started");
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    host_yields(false);
    pthread_barrier_destroy(&start);
    return THREADS;
}
