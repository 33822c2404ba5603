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
    char command[100];
    if (system("command -v redis-server >/dev/null")) {
        skip("redis-server is not installed");
        return tap_done();
    }
    if (!access("/dev/shm", W_OK)) /* the disk is not what is tested: a page cache outlives a process */
        snprintf(folder, sizeof folder, "/dev/shm/hosts-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int status = soak(&redis);
    kill_server();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | status;
}
