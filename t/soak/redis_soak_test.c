/* SPDX-License-Identifier: MIT
 *
 * The soak on a Redis server that writes each change to its append-only file before it answers. See README.md.
 */
#include "../redis/server.h"
#include "soak.h"

static void start(void)
{
    start_server(true);
}

static void empty(void)
{
    kill_server();
    empty_folder();
    start();
}

int main(void)
{
    static const struct engine redis = {"redis", 20000, start, kill_server, redis_tier, empty};
    if (!access("/dev/shm", W_OK)) /* the disk is not what is tested: a page cache outlives a process */
        snprintf(folder, sizeof folder, "/dev/shm/hosts-XXXXXX");
    begin_with_server(0);
    return end_with_server(soak(&redis));
}
