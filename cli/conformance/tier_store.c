/* SPDX-License-Identifier: MIT
 *
 * tier_store.c: two stores of a durable tier are two.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

/* Another store: by the options that the user gave, or else with the same options in another home. */
static void open_second(const struct subject *subject, struct subject *second)
{
    *second = (struct subject){.name = subject->name, .options = subject->options};
    if (subject->second) {
        second->options = subject->second;
    } else {
        char home[400];
        snprintf(home, sizeof home, "%s/second", getenv("HOME"));
        expect(!setenv("HOME", home, 1), "the home cannot be changed");
    }
    calling("load");
    subject_open(second);
}

static void expect_paths_differ(struct subject *subject, void *self, struct subject *second, void *other)
{
    if (!tier_ops(subject)->shared_path)
        return;
    const char *path = tier_ops(subject)->shared_path(self), *other_path = tier_ops(second)->shared_path(other);
    expect(path && other_path, "shared_path gives NULL");
    expect(strcmp(path, other_path) != 0, "two stores have one shared_path, %s", path);
}

static void two_stores_are_two(struct subject *subject)
{
    struct subject second;
    void *self = tier_open(subject, NULL, NULL, 0);
    open_second(subject, &second);
    void *other = tier_open(&second, NULL, NULL, 0);
    expect_paths_differ(subject, self, &second, other);
    put_named(subject, self, "k", 1);
    expect(version_named(&second, other, "k") == -1, "an entry is found in another store than that it was put into");
    put_named(&second, other, "k", 2);
    put_named(&second, other, "only here", 3);
    expect(version_named(subject, self, "k") == 1, "a put into one store changes an entry in another");
    expect(count_of(subject, self) == 1, "a put into one store is counted in another");
    expect_ok(subject, delete_named(subject, self, "k"), "del");
    expect(version_named(&second, other, "k") == 2, "del in one store removes an entry from another");
    if (tier_ops(subject)->clear) {
        uint64_t removed;
        calling("clear");
        expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
        expect(!removed && version_named(&second, other, "only here") == 3, "clear empties another store too");
    }
    if (tier_ops(subject)->record_put && tier_ops(subject)->record_get) {
        char text[PXT_RECORD_MAX + 1];
        calling("record_put");
        expect_ok(subject, tier_ops(subject)->record_put(self, "mine\n", &subject->error), "record_put");
        expect(tier_ops(&second)->record_get(other, text, &second.error) == PXT_NOT_FOUND,
               "the record of one store is that of another too");
    }
    tier_close(&second, other);
    tier_close(subject, self);
}

static void expect_private(const char *path, const struct stat *file, void *count)
{
    const char *name = strrchr(path, '/');
    ++*(unsigned *)count;
    expect(!(file->st_mode & 077), "the file %s, which it made, can be read or written by others (mode %04o)",
           name ? name + 1 : path, (unsigned)file->st_mode & 07777);
}

static void keeps_its_files_to_itself(struct subject *subject)
{
    unsigned count = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 100);
    if (tier_ops(subject)->maintain) {
        calling("maintain");
        expect_ok(subject, tier_ops(subject)->maintain(self, &subject->error), "maintain");
    }
    each_file(expect_private, &count); /* while it is open, and afterwards */
    tier_close(subject, self);
    each_file(expect_private, &count);
    if (!count)
        skip_check("it makes no file below $HOME");
}

static const char *has_one_store(const struct subject *subject)
{
    if (volatile_tier(subject))
        return volatile_tier(subject);
    return subject->options && !subject->second ? "the options may name the store: give those of another by --second"
                                                : NULL;
}

const struct check tier_store_checks[] = {{"two stores are two", two_stores_are_two, has_one_store},
                                          {"keeps its files to itself", keeps_its_files_to_itself, volatile_tier},
                                          {NULL, NULL, NULL}};
