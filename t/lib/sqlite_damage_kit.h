/* SPDX-License-Identifier: MIT
 *
 * sqlite_damage_kit.h: databases of the SQLite tiers as images, to be damaged at chosen places.
 */
#ifndef SQLITE_DAMAGE_KIT_H
#define SQLITE_DAMAGE_KIT_H

#include "sqlite_kit.h"

enum { ENTRIES = 240, PAGE_SIZE = 4096 };

static __attribute__((unused)) const struct how fast = {.sync = "none"};

struct image {
    unsigned char *bytes;
    size_t size;
};

static __attribute__((unused)) const char *key_text(int number)
{
    static char text[20];
    snprintf(text, sizeof text, "key%05d", number);
    return text;
}

static __attribute__((unused)) struct image read_image(const char *path)
{
    struct image image = {NULL, 0};
    struct stat file;
    FILE *in = fopen(path, "rb");
    if (in && !fstat(fileno(in), &file) && (image.bytes = malloc((size_t)file.st_size)))
        image.size = fread(image.bytes, 1, (size_t)file.st_size, in);
    if (in)
        fclose(in);
    return image;
}

/* Puts the first `size` bytes in the place of the database, and removes all that is beside it. */
static __attribute__((unused)) void restore(const char *path, const struct image *image, size_t size)
{
    char pattern[500];
    glob_t matches = {0};
    snprintf(pattern, sizeof pattern, "%s*", path);
    if (!glob(pattern, 0, NULL, &matches))
        for (size_t i = 0; i < matches.gl_pathc; i++)
            unlink(matches.gl_pathv[i]);
    globfree(&matches);
    FILE *out = fopen(path, "wb");
    if (out) {
        fwrite(image->bytes, 1, size, out);
        fclose(out);
    }
    chmod(path, 0600);
}

/* Marks the path as ours, as the core does. */
static __attribute__((unused)) void mark(const char *path)
{
    char name[500];
    snprintf(name, sizeof name, "%s.coherence", path);
    FILE *out = fopen(name, "wb");
    if (out)
        fclose(out);
}

/* Fills a tier, closes it, and returns its file. */
static __attribute__((unused)) struct image filled_as(struct tier *tier, bool l3, const char *name,
                                                      const struct how *how)
{
    pxt_entry *entry[ENTRIES];
    *tier = opened(l3, name, how);
    for (int i = 0; i < ENTRIES; i++)
        entry[i] = complete(key_text(i));
    tier->ops->put_many(tier->self, entry, ENTRIES, NULL);
    for (int i = 0; i < ENTRIES; i++)
        host.host.entry_release(entry[i]);
    close_tier(tier);
    return read_image(tier->path);
}

static __attribute__((unused)) struct image filled(struct tier *tier, bool l3, const char *name)
{
    return filled_as(tier, l3, name, NULL);
}

/* The place of a text in a page. 0: it is not there. */
static __attribute__((unused)) size_t find_in_page(const struct image *image, size_t page, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = page; at + length <= page + PAGE_SIZE; at++)
        if (!memcmp(image->bytes + at, text, length))
            return at;
    return 0;
}

/* The place of a text in a page of a kind, in which `other` stands too: 13, leaf of a table; 10, leaf of an index. 0: in
 * no page. */
static __attribute__((unused)) size_t find_text(const struct image *image, const char *text, int kind,
                                                const char *other)
{
    for (size_t page = PAGE_SIZE; page + PAGE_SIZE <= image->size; page += PAGE_SIZE) {
        size_t at = image->bytes[page] == kind ? find_in_page(image, page, text) : 0;
        if (at && find_in_page(image, page, other))
            return at;
    }
    return 0;
}

static __attribute__((unused)) size_t find_key(const struct image *image, int number, int kind)
{
    return find_text(image, key_text(number), kind, "");
}

/* The place of a rowid of two bytes, from 128 on, in a leaf of the main table. 0: it is not there. */
static __attribute__((unused)) size_t find_rowid(const struct image *image, unsigned rowid)
{
    for (size_t page = PAGE_SIZE; page + PAGE_SIZE <= image->size; page += PAGE_SIZE) {
        const unsigned char *bytes = image->bytes + page;
        bool main_table = bytes[0] == 13 && find_in_page(image, page, "http://192.0.2.1:8080");
        for (unsigned cell = 0; main_table && cell < bytes[3] * 256u + bytes[4]; cell++) {
            size_t at = page + bytes[8 + 2 * cell] * 256u + bytes[9 + 2 * cell];
            while (image->bytes[at] & 0x80)
                at++; /* the length of the row */
            at++;
            if (image->bytes[at] == (0x80 | rowid >> 7) && image->bytes[at + 1] == (rowid & 0x7f))
                return at;
        }
    }
    return 0;
}

static __attribute__((unused)) void overwrite_page(struct image *image, size_t at)
{
    memset(image->bytes + at / PAGE_SIZE * PAGE_SIZE, 0x55, PAGE_SIZE);
}

#endif
