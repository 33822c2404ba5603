/* SPDX-License-Identifier: MIT
 *
 * plugin_user.c: see plugin_user.h
 */
#include "plugin_user.h"
#include "tap.h"
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static pxt_time clock_of_test(void *arg)
{
    return ((struct plugin_user *)arg)->now;
}

void use_plugin(struct plugin_user *user, const char *name, const char *yaml)
{
    char **folders = NULL;
    struct pxt_yaml_node *tree = NULL;
    memset(user, 0, sizeof *user);
    user->now = INT64_C(1767225600000000); /* 2026-01-01 */
    user->clock = (struct pxt_clock){.fn = clock_of_test, .arg = user};
    pxt_host_init(&user->host, name, &user->logger, &user->clock);
    pxt_status status = pxt_loader_folders(NULL, &folders, &user->error);
    if (!status)
        status = pxt_loader_open(folders, name, (enum pxt_plugin_kind)0, &user->logger, &user->module, &user->error);
    if (!status)
        status = pxt_yaml_read_text(yaml, strlen(yaml), "test", &tree, &user->error);
    if (!status)
        status = pxt_settings_read(user->module->plugin.options, tree, NULL, name, &user->settings, &user->error);
    pxt_yaml_free(tree);
    pxt_loader_folders_free(folders);
    if (!status)
        return;
    printf("Bail out! %s\n", user->error.message);
    exit(1);
}

void leave_plugin(struct plugin_user *user)
{
    pxt_settings_free(user->settings);
    pxt_loader_close(user->module);
}

static char folder[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *walk)
{
    (void)file, (void)type, (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void)
{
    if (*folder)
        return folder;
    strcpy(folder, "/tmp/proxtier-test-XXXXXX");
    if (!mkdtemp(folder)) {
        printf("Bail out! no folder for the test\n");
        exit(1);
    }
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

pxt_entry *make_entry(struct plugin_user *user, const char *key, pxt_time fetched, int64_t count, pxt_time accessed,
                      pxt_time expires)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.7:8080", 21);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "test", 4);
    pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, fetched);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, accessed);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, count);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 3600);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, expires);
    if (user->host.host.entry_new(&user->host.host, &draft, &entry, &user->error)) {
        printf("Bail out! %s\n", user->error.message);
        exit(1);
    }
    return entry;
}

void use_policy(struct plugin_user *user, struct plugin_user *policy, struct pxt_tier_setup *setup, const char *name,
                uint64_t capacity)
{
    use_plugin(policy, name, "{}");
    *setup = (struct pxt_tier_setup){.size = sizeof *setup,
                                     .name = "t",
                                     .settings = user->settings,
                                     .max_entries = capacity,
                                     .policy = policy->module->ops,
                                     .policy_host = &policy->host.host,
                                     .policy_settings = policy->settings};
}
