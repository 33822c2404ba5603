/* SPDX-License-Identifier: MIT
 *
 * What is loaded, and what is refused with path, reason and remedy. $PROXTIER_REFUSED_PLUGINS has plugins that are wrong.
 */
#include "base/fail.h"
#include "plugin/loader.h"
#include "../lib/tap.h"
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
    refuses("l1_memry", PXT_KIND_TIER, "did you mean \"l1_memory\"?");
    refuses("nothing_like_it", PXT_KIND_TIER, "there is no plugin \"nothing_like_it\"");
    refuses("lru", PXT_KIND_TIER, "is an eviction policy, not a tier");
    refuses("not_a_plugin", PXT_KIND_TIER, "it has no symbol pxt_plugin");
    refuses("other_major", PXT_KIND_TIER, "was built for plugin ABI 7");
    refuses("no_get", PXT_KIND_TIER, "lacks get, which a tier must have");
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
