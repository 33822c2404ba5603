/* SPDX-License-Identifier: MIT
 *
 * What a tier is told of a call: its deadline, by a clock that this test moves. And its secret, which nobody is shown.
 */
#include "../lib/tap.h"
#include <proxtier/admin.h>
#include <proxtier/proxtier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-calls-XXXXXX";
static pxt_cache *cache;
static struct pxt_error error;
static int64_t monotonic = 1000000, taken; /* by the next operation that tells */
static char told[4000];

static void listen(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    (void)arg, (void)level, (void)component;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", message);
    monotonic += taken;
    taken = 0;
}

static pxt_time now(void *arg)
{
    (void)arg;
    return INT64_C(1767225600000000); /* 2026-01-01 */
}

static int64_t moved(void *arg)
{
    (void)arg;
    return monotonic;
}

static struct pxt_cache_options options(const char *tiers)
{
    static char text[2000];
    snprintf(text, sizeof text, "plugin_dirs: [%s]\ntiers: [%s]\n", getenv("PROXTIER_REFUSED_PLUGINS"), tiers);
    told[0] = '\0';
    return (struct pxt_cache_options){.size = sizeof(struct pxt_cache_options),
                                      .flags = PXT_OPEN_NO_JANITOR,
                                      .config_text = text,
                                      .log = listen,
                                      .log_level = PXT_MESSAGE_NOTICE,
                                      .clock = now,
                                      .monotonic = moved};
}

static pxt_status open_chain(const char *tiers)
{
    struct pxt_cache_options how = options(tiers);
    return pxt_cache_open(&how, &cache, &error);
}

static pxt_status put(void)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    told[0] = '\0';
    return pxt_cache_put(cache, &draft, NULL, &error);
}

static uint64_t overruns(void)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    return stats.tier[0].overruns;
}

static bool none(void *arg, pxt_entry *entry)
{
    (void)arg, (void)entry;
    return true;
}

static void deadlines(void)
{
    is_int(open_chain("{plugin: asks}"), PXT_OK, "a tier without a timeout opens");
    put();
    is_str(told, "put has no deadline\n", "... its calls have no deadline");
    pxt_cache_close(cache);
    is_int(open_chain("{plugin: asks, timeout: 250ms}"), PXT_OK, "a tier with a timeout opens: %s", error.message);
    put();
    is_str(told, "put has 250000 us\n", "... its calls have a deadline");
    is_int((int)overruns(), 0, "... none overran");
    taken = 250001;
    is_int(put(), PXT_OK, "a call that takes longer ends as it ends");
    is_int((int)overruns(), 1, "... and is counted");
    taken = 250000;
    put();
    is_int((int)overruns(), 1, "... one that takes just as long is not");
    told[0] = '\0';
    pxt_cache_each(cache, none, NULL, NULL);
    is_str(told, "each has no deadline\n", "what goes through the whole store has none");
    pxt_cache_close(cache);
}

/* The child ends without a call of the cache: what the tier did in it, it did when it was forked. */
static void a_child_is_told(const char *name, const char *tiers, ssize_t want)
{
    char told_by_child[8];
    int pipes[2], kept = dup(STDERR_FILENO);
    if (open_chain(tiers) || kept < 0 || pipe(pipes))
        exit(1);
    fflush(stdout);
    dup2(pipes[1], STDERR_FILENO);
    pid_t child = fork();
    if (!child)
        _exit(0);
    dup2(kept, STDERR_FILENO);
    close(pipes[1]);
    close(kept);
    waitpid(child, NULL, 0);
    is_int((int)read(pipes[0], told_by_child, sizeof told_by_child), (int)want, "%s: told once in the child of a fork",
           name);
    close(pipes[0]);
    is_int(put(), PXT_OK, "... the parent goes on");
    pxt_cache_close(cache);
}

static void write_secret(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

static void opens_with(const char *source, const char *want)
{
    char tiers[600];
    snprintf(tiers, sizeof tiers, "{plugin: asks, password: \"%s\"}", source);
    if (!ok(open_chain(tiers) == PXT_OK, "password: %s: %s", source, error.message))
        return;
    is_str(told, want, "... is read");
    pxt_cache_close(cache);
}

static void fails_with(const char *source, const char *why)
{
    char tiers[600];
    snprintf(tiers, sizeof tiers, "{plugin: asks, password: \"%s\"}", source);
    pxt_status status = open_chain(tiers);
    ok(status != PXT_OK && strstr(error.message, why), "password: %s: %s", source, error.message);
    ok(!strstr(error.message, "s3cret") && !strstr(told, "s3cret"), "... the secret is not told");
    if (!status)
        pxt_cache_close(cache);
}

static void secrets(void)
{
    char path[200], source[300], *shown = NULL;
    snprintf(path, sizeof path, "%s/password", folder);
    write_secret(path, "s3cret, 'quoted'\n", 0600);
    snprintf(source, sizeof source, "file:%s", path);
    opens_with(source, "the secret is right\n");
    struct pxt_cache_options how = options("{plugin: asks, password: 'command:exit 3'}");
    is_int(pxt_config_show(&how, false, &shown, &error), PXT_OK, "a configuration is shown without reading a secret");
    ok(shown && strstr(shown, "password: 'command:exit 3'"), "... it says where the secret comes from");
    free(shown);
    chmod(path, 0640);
    fails_with(source, "can be read or written by others: chmod 600");
    chmod(path, 0600);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    opens_with("credential:password", "the secret is right\n");
    fails_with("credential:../password", "without a slash");
    fails_with("credential:none", "cannot open");
    unsetenv("CREDENTIALS_DIRECTORY");
    fails_with("credential:password", "CREDENTIALS_DIRECTORY is not set");
    setenv("ASKS_PASSWORD", "s3cret, 'quoted'", 1);
    opens_with("env:ASKS_PASSWORD", "the secret is right\n");
    fails_with("env:ASKS_NOTHING", "has no ASKS_NOTHING");
    snprintf(source, sizeof source, "command:cat %s", path);
    opens_with(source, "the secret is right\n");
    fails_with("command:exit 3", "failed with status 3");
    fails_with("command:true", "is empty");
    fails_with("command:printf s3cret%04100d 1", "longer than 4096 bytes");
    fails_with("s3cret", "is a secret, which does not stand in a configuration");
    if (open_chain("{plugin: asks}") == PXT_OK) {
        is_str(told, "the secret is absent\n", "without the option there is none");
        pxt_cache_close(cache);
    }
}

int main(void)
{
    char command[100];
    if (!getenv("PROXTIER_REFUSED_PLUGINS") || !mkdtemp(folder))
        return 1;
    deadlines();
    a_child_is_told("a tier that wants to know", "{plugin: asks}", 1);
    a_child_is_told("also below another tier", "{plugin: fault, tier: asks}", 1);
    a_child_is_told("two of them, each", "{plugin: asks}, {plugin: asks}", 2);
    a_child_is_told("a tier that does not", "{plugin: l1_memory}", 0);
    secrets();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
