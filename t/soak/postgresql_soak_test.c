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
    if (!control("sh %s check%s", "")) {
        skip("the server of PostgreSQL is not installed");
        return tap_done();
    }
    if (!access("/dev/shm", W_OK)) /* the disk is not what is tested: a page cache outlives a process */
        snprintf(cluster, sizeof cluster, "/dev/shm/pgsql-XXXXXX");
    if (!mkdtemp(folder) || !mkdtemp(cluster) || chmod(cluster, 0755) || !control("sh %s make %s/s", cluster))
        return 1;
    int status = soak(&postgresql);
    remove_all();
    return status;
}
