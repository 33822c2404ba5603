/* SPDX-License-Identifier: MIT
 *
 * The soak on a PostgreSQL server. See README.md.
 */
#include "../postgresql/server.h"
#include "soak.h"

static void start(void)
{
    start_server(NULL);
}

static void kill_it(void)
{
    kill_server(SIGKILL);
}

static void empty(void)
{
    kill_it();
    start();
    if (!sql("DROP SCHEMA IF EXISTS proxtier CASCADE"))
        diag("the schema is not dropped");
}

int main(void)
{
    static const struct engine postgresql = {"postgresql", 6000, start, kill_it, postgresql_tier, empty};
    if (!access("/dev/shm", W_OK)) /* the disk is not what is tested: a page cache outlives a process */
        snprintf(cluster, sizeof cluster, "/dev/shm/pgsql-XXXXXX");
    begin_with_server();
    return end_with_server(soak(&postgresql));
}
