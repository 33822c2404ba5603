/* SPDX-License-Identifier: MIT
 *
 * What is loaded, and what is refused with path, reason and remedy. $PROXTIER_REFUSED_PLUGINS has plugins that are wrong.
 */
#include "../lib/tap.h"
#include "base/fail.h"
#include "plugin/host.h"
#include "plugin/loader.h"
#include "settings/settings.h"
#include <dlfcn.h>
#include <proxtier/tier.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char **folders;
static char place[] = "/tmp/proxtier-loader-XXXXXX";

static void refuses(const char *name, enum pxt_plugin_kind kind, const char *want)
{
    struct pxt_error error = {.message = ""};
    struct pxt_module *module = NULL;
    pxt_status status = pxt_loader_open(folders, name, kind, NULL, &module, &error);
    if (!ok(status && strstr(error.message, want), "%s: %s", name, want))
        diag("got: %s", error.message);
    pxt_loader_close(module);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", place, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

static void good_plugins(void)
{
    struct pxt_error error = {.message = ""};
    struct pxt_module *first = NULL, *second = NULL, *future = NULL;
    is_int(pxt_loader_open(folders, "l1_memory", PXT_KIND_TIER, NULL, &first, &error), PXT_OK, "a stock tier loads");
    is_int(pxt_loader_open(folders, "l1_memory", PXT_KIND_TIER, NULL, &second, &error), PXT_OK, "... and once more");
    ok(first != second && first->plugin.ops == second->plugin.ops, "two modules, one mapping");
    is_int(pxt_loader_open(folders, "long_struct", PXT_KIND_TIER, NULL, &future, &error), PXT_OK,
           "one built with longer structs loads: %s", error.message);
    if (future)
        ok(((const struct pxt_tier_ops *)future->ops)->corruptions == NULL, "what it does not offer is not offered");
    pxt_loader_close(first);
    pxt_loader_close(second);
    pxt_loader_close(future);
}

/* ---- files that change ------------------------------------------------------------------------------------------- */

static const char *swap_from, *swap_to; /* for the next dlopen() */

/* The core's dlopen(): between check and load, it puts another file in the place of the one that was checked. */
void *dlopen(const char *path, int mode)
{
    void *(*next)(const char *, int);
    *(void **)&next = dlsym(RTLD_NEXT, "dlopen");
    if (swap_from && rename(swap_from, swap_to))
        diag("cannot rename %s", swap_from);
    swap_from = NULL;
    return next(path, mode);
}

/* Copies the stock tier l1_memory to place/folder/name, its summary begun with another letter if that is not '\0'. */
static const char *copy_plugin(const char *folder, const char *name, char first, char path[200])
{
    struct pxt_error error;
    struct pxt_module *stock = NULL;
    static char bytes[4 << 20];
    if (pxt_loader_open(folders, "l1_memory", PXT_KIND_TIER, NULL, &stock, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    FILE *from = fopen(stock->path, "r");
    size_t length = fread(bytes, 1, sizeof bytes, from);
    fclose(from);
    char *summary = memmem(bytes, length, stock->plugin.summary, strlen(stock->plugin.summary));
    if (first && summary)
        *summary = first;
    pxt_loader_close(stock);
    snprintf(path, 200, "%s/%s", place, folder);
    mkdir(path, 0755);
    snprintf(path, 200, "%s/%s/%s", place, folder, name);
    FILE *to = fopen(path, "w");
    fwrite(bytes, 1, length, to);
    fclose(to);
    chmod(path, 0644);
    return path;
}

static void swapped_between_check_and_load(void)
{
    char path[200], other[200];
    copy_plugin("between", "l1_memory.so", '\0', path);
    swap_from = copy_plugin("between", "other", '!', other);
    swap_to = path;
    refuses(path, PXT_KIND_TIER, "was replaced after this program loaded it, or while it was checked");
    ok(!swap_from && access(other, F_OK), "the file was swapped in between");
}

static void replaced_after_it_was_loaded(void)
{
    char path[200], other[200];
    struct pxt_error error = {.message = ""};
    struct pxt_module *module = NULL;
    copy_plugin("after", "l1_memory.so", '\0', path);
    is_int(pxt_loader_open(folders, path, PXT_KIND_TIER, NULL, &module, &error), PXT_OK, "a copy loads: %s",
           error.message);
    copy_plugin("after", "other", '!', other);
    rename(other, path);
    refuses(path, PXT_KIND_TIER, "was replaced after this program loaded it");
    pxt_loader_close(module);
}

static void *open_instance(const struct pxt_module *module, struct pxt_settings **settings)
{
    static struct pxt_logger logger;
    static struct pxt_clock clock;
    static struct pxt_host_instance host;
    const struct pxt_tier_ops *ops = module->ops;
    struct pxt_error error = {.message = ""};
    void *self = NULL;
    pxt_host_init(&host, "copy", &logger, &clock);
    pxt_status status = pxt_settings_read_pairs(module->plugin.options, "", "copy", settings, &error);
    struct pxt_tier_setup setup = {.settings = *settings, .max_entries = 10};
    if (!status)
        status = ops->open(&host.host, &setup, &self, &error);
    is_int(status, PXT_OK, "%s opens: %s", module->path, error.message);
    return self;
}

static void two_copies_are_two_plugins(void)
{
    char path[2][200];
    struct pxt_error error = {.message = ""};
    struct pxt_module *module[2] = {NULL, NULL};
    struct pxt_settings *settings[2] = {NULL, NULL};
    void *self[2];
    copy_plugin("one", "l1_memory.so", '1', path[0]);
    copy_plugin("two", "l1_memory.so", '2', path[1]);
    for (int i = 0; i < 2; i++) {
        is_int(pxt_loader_open(folders, path[i], PXT_KIND_TIER, NULL, &module[i], &error), PXT_OK, "copy %d loads: %s",
               i + 1, error.message);
        is_int(module[i]->plugin.summary[0], '1' + i, "... and is the one at its path");
    }
    ok(module[0]->plugin.ops != module[1]->plugin.ops, "two copies, two mappings");
    for (int i = 0; i < 2; i++)
        self[i] = open_instance(module[i], &settings[i]);
    for (int i = 0; i < 2; i++) {
        if (self[i])
            ((const struct pxt_tier_ops *)module[i]->ops)->close(self[i]);
        pxt_settings_free(settings[i]);
        pxt_loader_close(module[i]);
    }
}

int main(void)
{
    const char *bad = getenv("PROXTIER_REFUSED_PLUGINS");
    struct pxt_error error;
    char path[300];
    if (!mkdtemp(place) || !bad)
        return 1;
    const char *configured[] = {place, bad, "relative/never", NULL};
    pxt_loader_folders(configured, &folders, &error);
    is_str(folders[1], bad, "folders in order");
    ok(strcmp(folders[2], "relative/never"), "a relative folder is left out");
    good_plugins();
    swapped_between_check_and_load();
    replaced_after_it_was_loaded();
    two_copies_are_two_plugins();
    refuses("l1_memry", PXT_KIND_TIER, "did you mean \"l1_memory\"?");
    refuses("nothing_like_it", PXT_KIND_TIER, "there is no plugin \"nothing_like_it\"");
    refuses("lru", PXT_KIND_TIER, "is an eviction policy, not a tier");
    refuses("not_a_plugin", PXT_KIND_TIER, "it has no symbol pxt_plugin");
    refuses("other_major", PXT_KIND_TIER, "was built for plugin ABI 7");
    refuses("other_candidate", PXT_KIND_TIER, "was built for candidate 77 of plugin ABI 1.0, this proxtier has 1.0:");
    refuses("unknown_flag", PXT_KIND_TIER, "has the flags 0x80000000, which proxtier must understand");
    refuses("no_get", PXT_KIND_TIER, "lacks get, which a tier must have");
    refuses("far_without_order", PXT_KIND_TIER, "lacks put_if, and has PXT_TIER_REMOTE");
    refuses("unresolved", PXT_KIND_TIER, "undefined symbol: defined_nowhere");
    refuses("misnamed", PXT_KIND_EVICTION, "calls itself \"someone_else\": rename the file to someone_else.so");
    make_file("text.so", "this is not ELF\n", 0644);
    refuses("text", PXT_KIND_TIER, "cannot be loaded");
    make_file("empty.so", "", 0644);
    refuses("empty", PXT_KIND_TIER, "cannot be loaded");
    make_file("open.so", "x", 0666);
    refuses("open", PXT_KIND_TIER, "can be written by others");
    snprintf(path, sizeof path, "%s/folder.so", place);
    mkdir(path, 0755);
    refuses("folder", PXT_KIND_TIER, "is not a regular file");
    snprintf(path, sizeof path, "%s/pipe.so", place);
    mkfifo(path, 0644);
    refuses("pipe", PXT_KIND_TIER, "is not a regular file");
    snprintf(path, sizeof path, "%s/outside.so", place);
    ok(!symlink("/etc/passwd", path), "a link to another folder");
    refuses("outside", PXT_KIND_TIER, "is a link out of its folder");
    make_file("decoy.la", "dlname='../../../etc/evil.so'\n", 0644);
    refuses("decoy", PXT_KIND_TIER, "there is no plugin \"decoy\"");
    chmod(place, 0777);
    make_file("fine.so", "x", 0644);
    refuses("fine", PXT_KIND_TIER, "can be written by others (mode 0777)");
    pxt_loader_folders_free(folders);
    snprintf(path, sizeof path, "rm -rf %s", place);
    return system(path) | tap_done();
}
