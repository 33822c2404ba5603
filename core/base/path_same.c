/* SPDX-License-Identifier: MIT
 *
 * path_same.c: whether two absolute paths lead to one place, which need not exist yet.
 */
#include "base/paths.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };

/* Puts where the symbolic link `at` leads in front of `rest`, and takes the link's name from `at`. `length` is that of
 * `at` without the name. False if `at` is no link, or a path gets too long. */
static bool follow(char at[PATH_MAX], size_t length, char rest[PATH_MAX])
{
    char target[PATH_MAX], joined[2 * PATH_MAX + 2];
    ssize_t got = readlink(at, target, sizeof target - 1);
    if (got <= 0)
        return false;
    target[got] = '\0';
    int all = snprintf(joined, sizeof joined, "%s/%s", target, rest);
    if (all < 0 || all >= PATH_MAX)
        return false;
    memcpy(rest, joined, (size_t)all + 1);
    at[target[0] == '/' ? 0 : length] = '\0';
    return true;
}

/* Writes `path` without `.`, `..`, doubled slashes and symbolic links; what does not exist is taken as it is written.
 * "/" becomes "". False if it is too long. */
static bool resolve(const char *path, char out[PATH_MAX])
{
    char rest[PATH_MAX];
    unsigned links = 0;
    size_t length = strlen(path);
    if (length >= sizeof rest)
        return false;
    memcpy(rest, path, length + 1);
    out[0] = '\0';
    while (*rest) {
        size_t name = strcspn(rest, "/"), skip = name + (rest[name] == '/'), end = strlen(out);
        bool parent = name == 2 && !memcmp(rest, "..", 2);
        if (parent && end)
            *strrchr(out, '/') = '\0';
        bool named = name && !parent && !(name == 1 && *rest == '.');
        if (named) {
            if (end + 1 + name >= PATH_MAX)
                return false;
            out[end] = '/';
            memcpy(out + end + 1, rest, name);
            out[end + 1 + name] = '\0';
        }
        memmove(rest, rest + skip, strlen(rest + skip) + 1);
        if (named && links < LINKS_MAX)
            links += follow(out, end, rest);
    }
    return true;
}

/* Finds the deepest folder above `path`, or `path` itself, that exists. Returns what is behind it. */
static const char *existing_part(const char path[PATH_MAX], struct stat *found)
{
    char part[PATH_MAX];
    strcpy(part, path);
    while (*part && stat(part, found))
        *strrchr(part, '/') = '\0';
    if (!*part && stat("/", found))
        *found = (struct stat){0};
    return path + strlen(part);
}

bool pxt_path_same(const char *a, const char *b)
{
    char one[PATH_MAX], other[PATH_MAX];
    struct stat above_one, above_other;
    if (!resolve(a, one) || !resolve(b, other))
        return !strcmp(a, b);
    return !strcmp(existing_part(one, &above_one), existing_part(other, &above_other)) &&
           above_one.st_dev == above_other.st_dev && above_one.st_ino == above_other.st_ino;
}
