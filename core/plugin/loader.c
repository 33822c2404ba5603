/* SPDX-License-Identifier: MIT
 *
 * loader.c: opens plugins.
 *
 * A plugin runs with all rights of the process, so its file is opened once and checked by the open descriptor (what it
 * is, who may write to it or to a folder above it). It is loaded by its real path, which debuggers, profilers and $ORIGIN
 * need, and what is then mapped is compared with what was checked. libltdl is given nothing to search: no .la file, no
 * folder, no path from the environment.
 */
#include "plugin/loader.h"
#include "base/alloc.h"
#include "base/didyoumean.h"
#include "base/fail.h"
#include "base/gcrypt_start.h"
#include "base/paths.h"
#include "plugin/tier_ops.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <ltdl.h>
#include <proxtier/encryptor.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t ltdl_lock = PTHREAD_MUTEX_INITIALIZER; /* libltdl is not thread-safe; a leaf */

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static bool add_folder(char ***folders, size_t *count, const char *path, size_t length)
{
    if (!length || path[0] != '/')
        return true; /* never the current folder */
    for (size_t i = 0; i < *count; i++)
        if (!strncmp((*folders)[i], path, length) && !(*folders)[i][length])
            return true;
    char **grown = pxt_realloc(*folders, (*count + 2) * sizeof(*grown));
    if (!grown)
        return false;
    *folders = grown;
    grown[*count] = pxt_strndup(path, length);
    grown[*count + 1] = NULL;
    return grown[(*count)++] != NULL;
}

pxt_status pxt_loader_folders(const char *const *configured, char ***out, struct pxt_error *error)
{
    size_t count = 0;
    char **folders = pxt_alloc(sizeof *folders);
    bool good = folders != NULL;
    for (; good && configured && *configured; configured++)
        good = add_folder(&folders, &count, *configured, strlen(*configured));
    const char *path = secure_getenv("PROXTIER_PLUGIN_PATH");
    while (good && path && *path) {
        size_t length = strcspn(path, ":");
        good = add_folder(&folders, &count, path, length);
        path += length + (path[length] == ':');
    }
    char *own = good ? pxt_loader_own_folder() : NULL;
    good = own && add_folder(&folders, &count, own, strlen(own));
    pxt_free(own);
    if (!good) {
        pxt_loader_folders_free(folders);
        return pxt_fail_memory(error, "plugin folders");
    }
    *out = folders;
    return PXT_OK;
}

void pxt_loader_folders_free(char **folders)
{
    for (size_t i = 0; folders && folders[i]; i++)
        pxt_free(folders[i]);
    pxt_free(folders);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(char ***names, size_t *count, const char *file)
{
    size_t length = strlen(file);
    if (length < 4 || strcmp(file + length - 3, ".so"))
        return true;
    char *name = pxt_strndup(file, length - 3);
    for (size_t i = 0; name && i < *count; i++)
        if (!strcmp((*names)[i], name)) {
            pxt_free(name);
            return true;
        }
    char **grown = name ? pxt_realloc(*names, (*count + 2) * sizeof(*grown)) : NULL;
    if (!grown) {
        pxt_free(name);
        return false;
    }
    *names = grown;
    grown[(*count)++] = name;
    grown[*count] = NULL;
    return true;
}

pxt_status pxt_loader_list(char *const *folders, char ***out, struct pxt_error *error)
{
    size_t count = 0;
    char **names = pxt_alloc(sizeof *names);
    bool good = names != NULL;
    for (; good && *folders; folders++) {
        DIR *folder = opendir(*folders);
        const struct dirent *file;
        while (good && folder && (file = readdir(folder)))
            good = add_name(&names, &count, file->d_name);
        if (folder)
            closedir(folder);
    }
    if (!good) {
        pxt_loader_folders_free(names);
        return pxt_fail_memory(error, "names of plugins");
    }
    qsort(names, count, sizeof *names, by_name);
    *out = names;
    return PXT_OK;
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static pxt_status not_found(char *const *folders, const char *name, struct pxt_error *error)
{
    char searched[400] = "", best[80] = "", hint[120] = "";
    char **names = NULL;
    unsigned nearest = 99, distance;
    for (size_t i = 0, used = 0; folders[i] && used < sizeof searched; i++) {
        int n = snprintf(searched + used, sizeof searched - used, "%s%s", i ? ", " : "", folders[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (pxt_loader_list(folders, &names, NULL) == PXT_OK)
        for (size_t i = 0; names[i]; i++)
            if (pxt_word_near(name, names[i], &distance) && distance < nearest) {
                nearest = distance;
                snprintf(best, sizeof best, "%s", names[i]);
            }
    pxt_loader_folders_free(names);
    if (*best)
        snprintf(hint, sizeof hint, " (did you mean \"%s\"?)", best);
    return pxt_fail(error, PXT_EPLUGIN, 0,
                    "there is no plugin \"%s\"%s: no %s.so in %s; install the package that has it, or name its folder "
                    "in plugin_dirs",
                    name, hint, name, searched);
}

/* A final link is followed where it stays in the same folder. */
static int open_plugin(const char *path, char real[PATH_MAX], struct pxt_error *error, pxt_status *status)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (!slash || length >= sizeof folder || !realpath(path, real)) {
        *status = pxt_fail(error, PXT_EPLUGIN, errno, "cannot open plugin %s", path);
        return -1;
    }
    char parent[PATH_MAX];
    memcpy(folder, path, length);
    folder[length] = '\0';
    if (!realpath(length ? folder : "/", parent) || strncmp(real, parent, strlen(parent)) ||
        real[strlen(parent)] != '/' || strchr(real + strlen(parent) + 1, '/')) {
        *status = pxt_fail(error, PXT_EPLUGIN, 0,
                           "plugin %s is a link out of its folder, to %s: install the file itself", path, real);
        return -1;
    }
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        *status = pxt_fail(error, PXT_EPLUGIN, errno, "cannot open plugin %s", path);
    return fd;
}

static pxt_status check_file(const char *real, int fd, struct pxt_error *error)
{
    struct stat file;
    if (fstat(fd, &file))
        return pxt_fail(error, PXT_EPLUGIN, errno, "cannot examine plugin %s", real);
    if (!S_ISREG(file.st_mode))
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s is not a regular file", real);
    pxt_status status = pxt_path_check_safe(real, fd, error);
    if (!status)
        return PXT_OK;
    pxt_error_prefix(error, "plugin %s is not loaded", real);
    return status;
}

/* ---- checking the descriptor ------------------------------------------------------------------------------------ */

static size_t core_ops_size(uint32_t kind)
{
    switch (kind) {
    case PXT_KIND_TIER:
        return sizeof(struct pxt_tier_ops);
    case PXT_KIND_EVICTION:
        return sizeof(struct pxt_eviction_ops);
    case PXT_KIND_ENCRYPTOR:
        return sizeof(struct pxt_encryptor_ops);
    default:
        return 0;
    }
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"a plugin of no known kind", "a tier", "an eviction policy", "an encryptor"};
    return names[kind <= PXT_KIND_ENCRYPTOR ? kind : 0];
}

/* The name of a required operation that is missing, or what is contradictory; NULL where all is well. */
static const char *missing_in(uint32_t kind, const void *ops)
{
    if (kind == PXT_KIND_TIER)
        return pxt_tier_missing(ops);
    if (kind == PXT_KIND_EVICTION) {
        const struct pxt_eviction_ops *policy = ops;
        return !policy->open              ? "open"
               : !policy->close           ? "close"
               : !policy->inserted        ? "inserted"
               : !policy->accessed        ? "accessed"
               : !policy->removed         ? "removed"
               : !policy->victim          ? "victim"
               : policy->state_size > 256 ? "state_size of at most 256"
                                          : NULL;
    }
    const struct pxt_encryptor_ops *encryptor = ops;
    return !encryptor->open         ? "open"
           : !encryptor->close      ? "close"
           : !encryptor->token_size ? "token_size"
           : !encryptor->seal       ? "seal"
           : !encryptor->open_token ? "open_token"
                                    : NULL;
}

static pxt_status copy_ops(struct pxt_module *module, struct pxt_error *error)
{
    size_t core_size = core_ops_size(module->plugin.kind);
    void *ops = pxt_alloc(core_size);
    if (!ops)
        return pxt_fail_memory(error, "a plugin");
    pxt_ops_copy(ops, core_size, module->plugin.ops);
    module->ops = ops;
    const char *missing = missing_in(module->plugin.kind, ops);
    if (missing)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s lacks %s, which %s must have", module->path, missing,
                        kind_name(module->plugin.kind));
    return PXT_OK;
}

static pxt_status check_descriptor(struct pxt_module *module, const struct pxt_plugin *found, enum pxt_plugin_kind kind,
                                   const char *name, struct pxt_error *error)
{
    const char *path = module->path;
    if (memcmp(found->magic, PXT_PLUGIN_MAGIC, sizeof found->magic))
        return pxt_fail(error, PXT_EPLUGIN, 0, "%s is not a plugin of proxtier: its pxt_plugin has no magic", path);
    if (found->abi_major != PXT_ABI_MAJOR)
        return pxt_fail(error, PXT_EPLUGIN, 0,
                        "plugin %s was built for plugin ABI %u.%u, this proxtier has %u.%u: rebuild it, or install the "
                        "proxtier that it was built for",
                        path, found->abi_major, found->abi_minor, PXT_ABI_MAJOR, PXT_ABI_MINOR);
    if (found->struct_size < offsetof(struct pxt_plugin, ops) + sizeof(void *))
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s has a descriptor of %u bytes: too short for ABI 1.0", path,
                        (unsigned)found->struct_size);
    memcpy(&module->plugin, found, found->struct_size < sizeof *found ? found->struct_size : sizeof *found);
    if (found->struct_size > sizeof *found)
        module->plugin.struct_size = sizeof *found; /* as much as was copied */
    if (!core_ops_size(found->kind) || !found->ops || !found->name || !found->version || !found->summary)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s has an incomplete descriptor", path);
    if (kind && found->kind != (uint32_t)kind)
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s is %s, not %s", path, kind_name(found->kind),
                        kind_name(kind));
    if (strcmp(found->name, name))
        return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s calls itself \"%s\": rename the file to %s.so", path,
                        found->name, found->name);
    return copy_ops(module, error);
}

/* ---- loading ---------------------------------------------------------------------------------------------------- */

/* Finds the file that is mapped at an address, as the kernel names it: "device inode". `*problem` is set to an errno if
 * that cannot be looked up. */
static bool mapped_file(const void *address, char out[64], int *problem)
{
    char line[PATH_MAX + 128], device[24], *rest;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long start = strtoul(line, &rest, 16), end = *rest == '-' ? strtoul(rest + 1, &rest, 16) : 0, inode;
        if ((uintptr_t)address >= start && (uintptr_t)address < end &&
            sscanf(rest, "%*s %*s %23s %lu", device, &inode) == 2) {
            found = true;
            snprintf(out, 64, "%s %lu", device, inode);
        }
    }
    if (!maps || (!found && ferror(maps)))
        *problem = errno;
    if (maps)
        fclose(maps);
    return found;
}

/* Returns true if the object is mapped from the file of the checked descriptor. Both are looked up in the same list: what
 * stat() tells of a file differs from that on some file systems. `*problem` is set to an errno if that list cannot be
 * read. */
static bool is_file_of(void *object, int fd, int *problem)
{
    char loaded[64], checked[64];
    struct link_map *map = NULL;
    void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (page == MAP_FAILED)
        *problem = errno;
    bool same = page != MAP_FAILED && !dlinfo(object, RTLD_DI_LINKMAP, &map) &&
                mapped_file(map->l_ld, loaded, problem) && mapped_file(page, checked, problem) &&
                !strcmp(loaded, checked);
    if (page != MAP_FAILED)
        munmap(page, 1);
    return same;
}

/* `number` is errno: of a shortage of memory the linker and libltdl tell only in words, of several kinds. */
static pxt_status cannot_load(const struct pxt_module *module, const char *problem, int number, struct pxt_error *error)
{
    if (number == ENOMEM)
        return pxt_fail(error, PXT_ENOMEM, number, "plugin %s cannot be loaded", module->path);
    return pxt_fail(error, PXT_EPLUGIN, 0, "plugin %s cannot be loaded: %s; is it a shared object for this machine?",
                    module->path, problem ? problem : "unknown reason");
}

/* Loads the file at `real` through the dynamic linker, which binds every symbol now and tells what is wrong: libltdl
 * would bind at the first call, and calls every failure "file not found". The object stays mapped, so that a thread
 * that ends later finds the code that its end needs. */
static pxt_status link_object(const struct pxt_module *module, const char *real, int fd, struct pxt_error *error)
{
    errno = 0;
    void *object = dlopen(real, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    int number = errno;
    if (!object)
        return cannot_load(module, dlerror(), number, error);
    pxt_status status = PXT_OK;
    int problem = 0;
    bool same = is_file_of(object, fd, &problem);
    if (problem)
        status = pxt_fail(error, pxt_status_of_errno(problem), problem, "the file of plugin %s cannot be compared",
                          module->path);
    else if (!same)
        status = pxt_fail(error, PXT_EPLUGIN, 0,
                          "plugin %s was replaced after this program loaded it, or while it was checked: start the "
                          "program again",
                          module->path);
    dlclose(object);
    return status;
}

/* Starts libltdl, once in a process; the caller holds the lock. It is never ended: its end crashes after a shortage of
 * memory, and would free a few blocks. */
static pxt_status start_libltdl(struct pxt_error *error)
{
    static bool started;
    if (started)
        return PXT_OK;
    errno = 0;
    if (lt_dlinit()) {
        int number = errno;
        lt_dlexit(); /* a start that failed is counted too */
        return pxt_fail(error, number == ENOMEM ? PXT_ENOMEM : PXT_EPLUGIN, number, "libltdl cannot be started");
    }
    started = true;
    return PXT_OK;
}

static lt_dlhandle open_module(const char *real)
{
    lt_dladvise advise;
    if (lt_dladvise_init(&advise))
        return NULL;
    lt_dlhandle handle = lt_dladvise_local(&advise) ? NULL : lt_dlopenadvise(real, advise);
    lt_dladvise_destroy(&advise);
    return handle;
}

static pxt_status load_checked(struct pxt_module *module, const char *real, int fd, enum pxt_plugin_kind kind,
                               const char *name, struct pxt_error *error)
{
    pxt_status status = link_object(module, real, fd, error);
    if (status)
        return status;
    status = start_libltdl(error);
    if (status)
        return status;
    errno = 0;
    module->handle = open_module(real);
    int number = errno;
    if (!module->handle)
        return cannot_load(module, lt_dlerror(), number, error);
    const struct pxt_plugin *found = lt_dlsym(module->handle, "pxt_plugin");
    if (!found)
        return pxt_fail(error, PXT_EPLUGIN, 0, "%s is not a plugin of proxtier: it has no symbol pxt_plugin",
                        module->path);
    return check_descriptor(module, found, kind, name, error);
}

static pxt_status open_path(const char *path, enum pxt_plugin_kind kind, struct pxt_module **out,
                            struct pxt_error *error)
{
    char real[PATH_MAX], name[NAME_MAX + 1];
    pxt_status status = PXT_OK;
    int fd = open_plugin(path, real, error, &status);
    if (fd < 0)
        return status;
    struct pxt_module *module = pxt_alloc(sizeof *module);
    if (module)
        module->path = pxt_strdup(path);
    if (!module || !module->path)
        status = pxt_fail_memory(error, "a plugin");
    if (!status)
        status = check_file(real, fd, error);
    if (!status) {
        const char *base = strrchr(path, '/') + 1;
        size_t length = strlen(base);
        snprintf(name, sizeof name, "%.*s", (int)(length > 3 ? length - 3 : length), base);
        pthread_mutex_lock(&ltdl_lock);
        status = load_checked(module, real, fd, kind, name, error);
        pthread_mutex_unlock(&ltdl_lock);
    }
    close(fd);
    if (status)
        pxt_loader_close(module);
    else
        *out = module;
    return status;
}

pxt_status pxt_loader_open(char *const *folders, const char *name, enum pxt_plugin_kind kind,
                           const struct pxt_logger *logger, struct pxt_module **out, struct pxt_error *error)
{
    char path[PATH_MAX];
    pxt_status status = pxt_gcrypt_start(error); /* plugin.h promises it */
    if (status)
        return status;
    if (strchr(name, '/')) {
        char *absolute = NULL;
        status = pxt_path_expand(name, &absolute, error);
        if (!status)
            status = open_path(absolute, kind, out, error);
        pxt_free(absolute);
        return status;
    }
    for (char *const *folder = folders; *folder; folder++) {
        if (snprintf(path, sizeof path, "%s/%s.so", *folder, name) >= (int)sizeof path || access(path, F_OK))
            continue;
        status = open_path(path, kind, out, error);
        pxt_log(logger, status ? PXT_MESSAGE_WARNING : PXT_MESSAGE_DEBUG, "loader", "%s plugin %s",
                status ? "refused" : "loaded", path);
        return status;
    }
    return not_found(folders, name, error);
}

void pxt_loader_close(struct pxt_module *module)
{
    if (!module)
        return;
    if (module->handle) {
        pthread_mutex_lock(&ltdl_lock);
        lt_dlclose(module->handle);
        pthread_mutex_unlock(&ltdl_lock);
    }
    pxt_free((void *)(uintptr_t)module->ops);
    pxt_free(module->path);
    pxt_free(module);
}

/* A child that is forked while another thread loads a plugin must be able to load one too. */
static void before_fork(void)
{
    pthread_mutex_lock(&ltdl_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&ltdl_lock);
}

__attribute__((constructor)) static void library_loaded(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}
