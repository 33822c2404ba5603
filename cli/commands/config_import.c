/* SPDX-License-Identifier: MIT
 *
 * config_import.c: proxtier config import FILE.toml: ProxyWhirl's configuration of its cache as one of proxtier.
 */
#include "command.h"
#include "toml.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* The keys, with ProxyWhirl's defaults. */
enum key {
    KEY_ENABLED,
    KEY_L1_MAX,
    KEY_L2_MAX,
    KEY_L3_MAX,
    KEY_TTL,
    KEY_INTERVAL,
    KEY_L2_DIR,
    KEY_L3_PATH,
    KEY_KEY_ENV,
    KEY_INVALIDATE,
    KEY_THRESHOLD,
    KEYS
};
static const struct {
    const char *name;
    enum toml_type type;
    const char *value;
} keys[KEYS] = {
    [KEY_ENABLED] = {"cache_enabled", TOML_BOOL, "true"},
    [KEY_L1_MAX] = {"cache_l1_max_entries", TOML_INTEGER, "1000"},
    [KEY_L2_MAX] = {"cache_l2_max_entries", TOML_INTEGER, "5000"},
    [KEY_L3_MAX] = {"cache_l3_max_entries", TOML_INTEGER, "0"},
    [KEY_TTL] = {"cache_default_ttl", TOML_INTEGER, "3600"},
    [KEY_INTERVAL] = {"cache_cleanup_interval", TOML_INTEGER, "60"},
    [KEY_L2_DIR] = {"cache_l2_dir", TOML_STRING, ".cache/proxies"},
    [KEY_L3_PATH] = {"cache_l3_db_path", TOML_STRING, ".cache/db/proxywhirl.db"},
    [KEY_KEY_ENV] = {"cache_encryption_key_env", TOML_STRING, "PROXYWHIRL_CACHE_ENCRYPTION_KEY"},
    [KEY_INVALIDATE] = {"cache_health_invalidation", TOML_BOOL, "true"},
    [KEY_THRESHOLD] = {"cache_failure_threshold", TOML_INTEGER, "3"},
};

struct import {
    const char *path;
    char *value[KEYS]; /* NULL: the default */
    bool failed;
};

static const char *value_of(const struct import *import, enum key key)
{
    return import->value[key] ? import->value[key] : keys[key].value;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool wrong(struct import *import, const struct toml_item *item, const char *problem)
{
    fprintf(stderr, "proxtier: %s:%u: %s %s\n", import->path, item->line, item->key, problem);
    import->failed = true;
    return false;
}

static bool keep(struct import *import, enum key key, const struct toml_item *item)
{
    static const char *const wanted[] = {"must be a text", "must be a whole number", "must be true or false"};
    if (item->type != keys[key].type)
        return wrong(import, item, wanted[keys[key].type]);
    if (item->type == TOML_STRING && (!*item->text || strpbrk(item->text, "\n\r")))
        return wrong(import, item, "must be one line of text");
    free(import->value[key]);
    import->value[key] = strdup(item->text);
    return import->value[key] || wrong(import, item, "cannot be kept: out of memory");
}

/* In a pyproject.toml the tables of other tools are none of ProxyWhirl's. */
static bool is_of_another_tool(const char *table)
{
    static const char tool[] = "tool.proxywhirl";
    size_t length = sizeof tool - 1;
    bool ours = !strncmp(table, tool, length) && (!table[length] || table[length] == '.');
    static const char *const others[] = {"project", "build-system", "dependency-groups", NULL};
    for (const char *const *other = others; *other; other++)
        if (!strncmp(table, *other, strlen(*other)))
            return true;
    return !strncmp(table, "tool.", 5) && !ours;
}

static bool take(void *arg, const struct toml_item *item)
{
    struct import *import = arg;
    if (is_of_another_tool(item->table))
        return true;
    const char *dot = strrchr(item->key, '.'), *name = dot ? dot + 1 : item->key;
    for (int key = 0; key < KEYS; key++)
        if (!strcmp(keys[key].name, name))
            return keep(import, (enum key)key, item);
    fprintf(stderr, "proxtier: notice: %s:%u: %s%s%s is not of the cache: not taken over\n", import->path, item->line,
            item->table, *item->table ? "." : "", item->key);
    return true;
}

/* The file's text, for free(); NULL with a message. */
static char *read_file(const char *path, int *code)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(FILE_MAX + 1) : NULL;
    if (!text) {
        fprintf(stderr, "proxtier: cannot read %s: %s\n", path, strerror(errno));
        *code = file ? EXIT_INTERNAL : 66;
    } else {
        size_t n = fread(text, 1, FILE_MAX + 1, file);
        *code = ferror(file) ? 66 : n > FILE_MAX || memchr(text, '\0', n) ? EXIT_DATA : 0;
        if (*code) {
            fprintf(stderr, "proxtier: cannot read %s: %s\n", path,
                    *code == 66 ? strerror(errno) : "it is no text of at most 1 MiB");
            free(text);
            text = NULL;
        } else {
            text[n] = '\0';
        }
    }
    if (file)
        fclose(file);
    return text;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* In single quotes, as YAML has it. */
static void print_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

/* ProxyWhirl's paths begin where it is started, `~` is the home. */
static void print_path(FILE *out, const char *folder, const char *path)
{
    char *whole = NULL;
    if (*path == '/' || *path == '~' || asprintf(&whole, "%s/%s", folder, path) < 0)
        whole = NULL;
    print_quoted(out, whole ? whole : path);
    free(whole);
}

static void print_capacity(FILE *out, const struct import *import, enum key key)
{
    if (strtoll(value_of(import, key), NULL, 10) > 0)
        fprintf(out, "    max_entries: %s\n", value_of(import, key));
}

static void print_yaml(FILE *out, const struct import *import, const char *folder)
{
    fprintf(out, "# From ProxyWhirl's configuration, by `proxtier config import`.\ndefault_ttl: %ss\n",
            value_of(import, KEY_TTL));
    fprintf(out, "cleanup: {background: true, interval: %ss}\n", value_of(import, KEY_INTERVAL));
    fprintf(out, "health: {invalidate: %s, failure_threshold: %s}\n", value_of(import, KEY_INVALIDATE),
            value_of(import, KEY_THRESHOLD));
    fputs("encryptor:\n  plugin: fernet\n  key_env: ", out);
    print_quoted(out, value_of(import, KEY_KEY_ENV));
    fputs("\ntiers:\n  - name: l1\n    plugin: l1_memory\n    eviction: lru\n", out);
    print_capacity(out, import, KEY_L1_MAX);
    fputs("  - name: l2\n    plugin: l2_jsonl\n    compatible: proxywhirl\n    eviction: fifo\n    dir: ", out);
    print_path(out, folder, value_of(import, KEY_L2_DIR));
    fputc('\n', out);
    print_capacity(out, import, KEY_L2_MAX);
    fputs("  - name: l3\n    plugin: l3_sqlite\n    compatible: proxywhirl\n    path: ", out);
    print_path(out, folder, value_of(import, KEY_L3_PATH));
    fputc('\n', out);
    print_capacity(out, import, KEY_L3_MAX);
}

/* Prints the YAML if it is a configuration. */
static int write_checked(const struct invocation *invocation, const struct import *import)
{
    struct pxt_error error;
    struct pxt_cache_options options = invocation->open;
    char *folder = getcwd(NULL, 0), *yaml = NULL;
    size_t length;
    FILE *out = folder ? open_memstream(&yaml, &length) : NULL;
    int code = EXIT_INTERNAL;
    if (out) {
        print_yaml(out, import, folder);
        options.config_text = fclose(out) ? NULL : yaml;
        options.config_file = NULL;
    }
    if (!out || !options.config_text) {
        fprintf(stderr, "proxtier: cannot make the configuration: %s\n", strerror(errno));
    } else if (pxt_config_check(&options, &error)) {
        fprintf(stderr, "proxtier: a value of %s has no place here: %s\n", import->path, error.message);
        code = EXIT_DATA;
    } else {
        fputs(yaml, stdout);
        code = 0;
    }
    free(yaml);
    free(folder);
    return code;
}

int config_import(const struct invocation *invocation, const char *path)
{
    struct import import = {.path = path};
    unsigned line;
    int code;
    char *text = read_file(path, &code);
    if (!text)
        return code;
    const char *problem = toml_read(text, take, &import, &line);
    if (problem)
        fprintf(stderr, "proxtier: %s:%u: malformed TOML: %s\n", path, line, problem);
    if (!problem && !import.failed && !strcmp(value_of(&import, KEY_ENABLED), "false"))
        fprintf(stderr, "proxtier: notice: %s: cache_enabled is false: a configuration of proxtier is always in use\n",
                path);
    code = problem || import.failed ? EXIT_DATA : write_checked(invocation, &import);
    for (int key = 0; key < KEYS; key++)
        free(import.value[key]);
    free(text);
    return code;
}
