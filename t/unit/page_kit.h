/* SPDX-License-Identifier: MIT
 *
 * page_kit.h: a page in a folder of its own, for the tests of its file. Call make_folder() first.
 */
#ifndef PAGE_KIT_H
#define PAGE_KIT_H

#include "../lib/tap.h"
#include "shared/page_layout.h"
#include <unistd.h>

static char folder[] = "/tmp/proxtier-page-XXXXXX";
static char store[100], file[120];
static const struct pxt_clock system_clock = {.fn = NULL};
enum { TIMEOUT_MS = 50 };
static const char member[] = "0123456789abcdef0123456789abcdef";

static void make_folder(void)
{
    if (!mkdtemp(folder))
        exit(1);
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.page", store);
}

static pxt_status try_open(struct pxt_page *page, struct pxt_error *error)
{
    *error = (struct pxt_error){.message = ""};
    return pxt_page_open(page, store, TIMEOUT_MS, &system_clock, error);
}

static struct pxt_page *open_page(void)
{
    struct pxt_page *page = calloc(1, sizeof *page);
    struct pxt_error error;
    if (!page || try_open(page, &error)) {
        printf("Bail out! %s\n", page ? error.message : "no memory");
        exit(1);
    }
    return page;
}

static void close_page(struct pxt_page *page)
{
    pxt_page_close(page);
    free(page);
}

static void join(struct pxt_page *page)
{
    bool joined;
    pxt_page_join(page, member, "l2", &joined);
}

/* Makes a page with a member, and closes it. */
static void make_page(void)
{
    unlink(file);
    struct pxt_page *page = open_page();
    join(page);
    pxt_page_set_checkpoint(page, 9, 8);
    close_page(page);
}

/* Returns whether the page is the one that make_page() made. */
__attribute__((unused)) static bool is_kept(const struct pxt_page *page)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(page, &checkpoint, &dropped);
    return pxt_page_members(page) == 1 && checkpoint == 9 && pxt_words_doubted(page, 1, NULL) == 1;
}

__attribute__((unused)) static bool is_new(const struct pxt_page *page)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(page, &checkpoint, &dropped);
    return !pxt_page_members(page) && !checkpoint && !dropped && !pxt_words_doubted(page, 0xff, NULL);
}

#endif
