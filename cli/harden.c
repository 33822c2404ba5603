/* SPDX-License-Identifier: MIT
 *
 * harden.c: credentials pass through this process: no core file of it, no other process may look into it, and its files are
 * its user's alone.
 */
#include "command.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* What this process was started with. */
static mode_t mask;
static struct rlimit core;
static bool core_known;

void harden(void)
{
    core_known = !getrlimit(RLIMIT_CORE, &core);
    struct rlimit none = {0, core_known ? core.rlim_max : 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    mask = umask(077);
}

/* The process itself still leaves no core file. */
void soften(void)
{
    if (core_known)
        setrlimit(RLIMIT_CORE, &core);
    umask(mask);
}
