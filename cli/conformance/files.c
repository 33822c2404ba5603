/* SPDX-License-Identifier: MIT
 *
 * files.c: the files that a plugin has made below its home.
 */
#include "suite.h"
#include <ftw.h>
#include <stdlib.h>

static file_fn *called;
static void *called_with;

static int call_one(const char *path, const struct stat *file, int kind, struct FTW *place)
{
    (void)place;
    if (kind == FTW_F)
        called(path, file, called_with);
    return 0;
}

void each_file(file_fn *fn, void *arg)
{
    called = fn;
    called_with = arg;
    expect(!nftw(getenv("HOME"), call_one, 16, FTW_PHYS), "the files of the plugin cannot be listed");
}
