/* SPDX-License-Identifier: MIT
 *
 * config_drop_ins.c: the files of conf.d, merged into the main file.
 */
#include "base/fail.h"
#include "config/config_private.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which files -------------------------------------------------------------------------------------------------- */

static bool is_drop_in(const char *name)
{
    size_t length = strlen(name);
    return name[0] != '.' && length > 5 && !strcmp(name + length - 5, ".yaml");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_file(char ***files, size_t *count, const char *folder, const char *name)
{
    char *path = pxt_asprintf("%s/%s", folder, name);
    char **grown = path ? pxt_realloc(*files, (*count + 2) * sizeof(*grown)) : NULL;
    if (!grown) {
        pxt_free(path);
        return false;
    }
    grown[(*count)++] = path;
    grown[*count] = NULL;
    *files = grown;
    return true;
}

/* A folder that cannot even be seen belongs to another user's home, and is passed over like the file in it. */
static pxt_status open_folder(const char *path, DIR **out, struct pxt_error *error)
{
    *out = opendir(path);
    int number = errno;
    if (*out || number == ENOENT || number == ENOTDIR || (number == EACCES && access(path, F_OK)))
        return PXT_OK;
    return pxt_fail(error, PXT_ECONFIG, number, "cannot open configuration folder %s", path);
}

pxt_status pxt_config_list_drop_ins(const char *folder, char ***out, struct pxt_error *error)
{
    size_t count = 0;
    bool good = true;
    DIR *open_one = NULL;
    const struct dirent *file;
    *out = NULL;
    char *path = pxt_asprintf("%s/conf.d", folder);
    if (!path)
        return pxt_fail_memory(error, "a path");
    pxt_status status = open_folder(path, &open_one, error);
    while (good && open_one && (file = readdir(open_one)))
        if (is_drop_in(file->d_name))
            good = add_file(out, &count, path, file->d_name);
    if (open_one)
        closedir(open_one);
    pxt_free(path);
    if (!good) {
        pxt_loader_folders_free(*out);
        *out = NULL;
        return pxt_fail_memory(error, "names of files");
    }
    if (count)
        qsort(*out, count, sizeof **out, by_name);
    return status;
}

/* ---- merging ------------------------------------------------------------------------------------------------------ */

struct member {
    struct pxt_yaml_node *name, *value;
    size_t place; /* in order of reading */
};

static int by_name_then_place(const void *a, const void *b)
{
    const struct member *one = a, *other = b;
    int order = strcmp(one->name->scalar, other->name->scalar);
    return order ? order : (one->place > other->place) - (one->place < other->place);
}

static void take(struct member *all, struct pxt_yaml_node *map, size_t before)
{
    for (size_t i = 0; i < map->count; i++)
        all[before + i] = (struct member){map->name[i], map->child[i], before + i};
    map->count = 0;
}

static bool is_merged(const struct pxt_yaml_node *name)
{
    return pxt_config_is_section(name->scalar) || !strcmp(name->scalar, "source_ttl");
}

/* Moves the members of `from` into `into`, where they replace those of the same name; with `deep`, the maps that
 * is_merged() names are merged in turn. Sorted, for source_ttl may be long. */
static pxt_status merge(struct pxt_yaml_node *into, struct pxt_yaml_node *from, bool deep, struct pxt_error *error)
{
    size_t total = into->count + from->count, kept = 0;
    struct member *all = pxt_alloc_array(total + 1, sizeof *all);
    struct pxt_yaml_node **names = pxt_alloc_array(total + 1, sizeof(*names));
    struct pxt_yaml_node **values = pxt_alloc_array(total + 1, sizeof(*values));
    pxt_status status = all && names && values ? PXT_OK : pxt_fail_memory(error, "the configuration");
    if (status) {
        pxt_free(names);
        pxt_free(values);
        pxt_free(all);
        return status;
    }
    size_t before = into->count;
    take(all, into, 0);
    take(all, from, before);
    qsort(all, total, sizeof *all, by_name_then_place);
    for (size_t i = 0; i < total; i++) {
        bool replaces = kept && !strcmp(names[kept - 1]->scalar, all[i].name->scalar);
        struct pxt_yaml_node *old = replaces ? values[kept - 1] : NULL;
        if (replaces && deep && is_merged(all[i].name) && old->kind == PXT_YAML_MAP &&
            all[i].value->kind == PXT_YAML_MAP) {
            if (!status)
                status = merge(old, all[i].value, false, error);
            pxt_yaml_free(all[i].name);
            pxt_yaml_free(all[i].value);
            continue;
        }
        if (replaces) {
            pxt_yaml_free(names[--kept]);
            pxt_yaml_free(old);
        }
        names[kept] = all[i].name;
        values[kept++] = all[i].value;
    }
    pxt_free(all);
    pxt_free(into->name);
    pxt_free(into->child);
    into->name = names;
    into->child = values;
    into->count = kept;
    return status;
}

pxt_status pxt_config_merge_drop_ins(char *const *files, struct pxt_yaml_node *tree, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (files && *files && tree->kind != PXT_YAML_MAP)
        return PXT_OK; /* the reader of the main file says what is wrong with it */
    for (; !status && files && *files; files++) {
        struct pxt_yaml_node *added = NULL;
        status = pxt_yaml_read_file(*files, &added, error);
        if (!status && added->kind != PXT_YAML_MAP)
            status = pxt_yaml_fail(error, added, "options are expected as NAME: VALUE");
        if (!status)
            status = merge(tree, added, true, error);
        pxt_yaml_free(added);
    }
    return status;
}
