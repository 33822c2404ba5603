/* SPDX-License-Identifier: MIT
 *
 * host.h: the services table handed to plugins.
 */
#ifndef PXT_HOST_H
#define PXT_HOST_H

#include "base/clock.h"
#include "base/log.h"
#include "base/paths.h"
#include "entry/foreign.h"
#include <stdatomic.h>

/* What a plugin's `const struct pxt_host *` points into: the table first, then what its functions need. */
struct pxt_host_instance {
    struct pxt_host host;
    const struct pxt_logger *logger;
    const struct pxt_clock *clock;
    char *const *plugin_folders; /* for tier_open; NULL: as without a configuration */
    char component[64];          /* in log lines: "l2", "fernet" */
    enum pxt_sharing sharing;    /* of the folders and files of its store */
    pxt_seal_fn *seal;           /* for credentials in the URLs of other programs' entries; NULL: cannot be sealed */
    void *seal_arg;
    /* What the tier tells of its store, from any thread; NULL: nobody listens. */
    void (*changed)(void *listener, const struct pxt_key *key);
    void (*available)(void *listener, bool available);
    void *listener;
    atomic_bool told_of_foreign; /* that values of other programs are read changed, or not at all */
};
/* Says with whom the store is shared; with none after pxt_host_init(). */
void pxt_host_share(struct pxt_host_instance *instance, enum pxt_sharing sharing);
void pxt_host_init(struct pxt_host_instance *instance, const char *component, const struct pxt_logger *logger,
                   const struct pxt_clock *clock);

#endif
