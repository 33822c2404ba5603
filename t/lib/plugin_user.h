/* SPDX-License-Identifier: MIT
 *
 * plugin_user.h: loads a plugin as the core does, with options given as YAML, for tests of plugins alone.
 */
#ifndef T_PLUGIN_USER_H
#define T_PLUGIN_USER_H

#include "plugin/host.h"
#include "plugin/loader.h"
#include "settings/settings.h"
#include <proxtier/encryptor.h>
#include <proxtier/tier.h>

struct plugin_user {
    struct pxt_host_instance host;
    struct pxt_logger logger;
    struct pxt_clock clock;
    pxt_time now; /* the clock: set it */
    struct pxt_module *module;
    struct pxt_settings *settings;
    struct pxt_error error;
};
/* `yaml` such as "{dir: /tmp/x}". Ends the test program where the plugin cannot be loaded. */
void use_plugin(struct plugin_user *user, const char *name, const char *yaml);
void leave_plugin(struct plugin_user *user);
/* A private folder, gone when the program ends. */
const char *test_folder(void);
/* An entry with these; the rest is made up. Must be released. */
pxt_entry *make_entry(struct plugin_user *user, const char *key, pxt_time fetched, int64_t count, pxt_time accessed,
                      pxt_time expires);
/* A policy ready for a tier's setup. */
void use_policy(struct plugin_user *user, struct plugin_user *policy, struct pxt_tier_setup *setup, const char *name,
                uint64_t capacity);

#endif
