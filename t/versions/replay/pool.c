/* SPDX-License-Identifier: MIT
 *
 * pool.c: sets up the pool of a replay, and looks into it.
 */
#include "pool.h"
#include "base/key.h"
#include "shared/page_layout.h"
#include "worker.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct board *replay_board;

static char keys[PAIRS][SHELF_KEYS][NAME_SIZE];

/* The page as the workers have it. */
static struct pxt_page page = {.fd = -1};
static ino_t page_inode;
static unsigned slowest_tier; /* beside whose store it lies */

/* Finds pairs of keys with one word. Its stripe is not that of the checkpoint. */
static void find_pairs(void)
{
    static unsigned first[PXT_WORDS];
    char name[NAME_SIZE];
    memset(first, 0, sizeof first);
    for (unsigned i = 1, pairs = 0; pairs < PAIRS; i++) {
        snprintf(name, sizeof name, "k%u", i);
        uint64_t hash = pxt_key_hash(name, strlen(name));
        unsigned *other = &first[hash % PXT_WORDS];
        if (!pxt_stripe(hash))
            continue;
        if (*other) {
            snprintf(keys[pairs][0], NAME_SIZE, "k%u", *other);
            memcpy(keys[pairs++][1], name, sizeof name);
        }
        *other = *other ? 0 : i;
    }
}

bool pool_make(void)
{
    void *memory = mmap(NULL, sizeof *replay_board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    replay_board = memory;
    /* The page is a file that each process maps: in memory, where there is a place for that. */
    snprintf(replay_board->folder, sizeof replay_board->folder, "%s/pxt-replay-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    find_pairs();
    return mkdtemp(replay_board->folder) != NULL;
}

static void page_path(char path[128])
{
    snprintf(path, 128, "%s/shelf%u.page", replay_board->folder, slowest_tier);
}

static void forget_page(void)
{
    if (page.file)
        munmap(page.file, sizeof *page.file);
    page.file = NULL;
    page_inode = 0;
}

static void end_boot(void)
{
    char path[128];
    page_path(path);
    unlink(path);
    forget_page();
}

void pool_remove(void)
{
    char command[100];
    forget_page();
    snprintf(command, sizeof command, "rm -rf %s", replay_board->folder);
    if (system(command))
        printf("# cannot remove %s\n", replay_board->folder);
    munmap(replay_board, sizeof *replay_board);
}

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static void empty(struct place *place)
{
    place->images = 1;
    place->image[0] = (struct copy){0};
    place->sync_failed = false;
}

static void write_config(const struct config *config)
{
    const char *plugins = getenv("abs_top_builddir");
    char *text = replay_board->config;
    size_t size = sizeof replay_board->config;
    size_t at = (size_t)snprintf(text, size,
                                 "plugin_dirs: [%s/t/versions/replay/.libs]\nencryptor: {plugin: plain}\n"
                                 "degrade: {threshold: %d, backoff: 1d, backoff_max: 1d}\nlock_timeout: 2s\n"
                                 "tiers: [{name: l1, plugin: l1_memory, max_entries: 1000}",
                                 plugins ? plugins : ".", OFF_AFTER);
    for (unsigned t = 0; t < config->tiers; t++) {
        bool slowest = t + 1 == config->tiers;
        at += (size_t)snprintf(text + at, size - at, ", {name: t%u, plugin: stepped, place: %u, max_entries: %s%s}", t,
                               t, slowest ? "unlimited" : "1000, eviction: fifo",
                               slowest && config->write_behind ? ", write_behind: true" : "");
    }
    snprintf(text + at, size - at, "]\n");
}

void pool_set_up(const struct config *config, unsigned variant)
{
    end_boot();
    slowest_tier = config->tiers - 1;
    end_boot();
    write_config(config);
    replay_board->now = INT64_C(1767225600) * PXT_SECOND;
    replay_board->power_may_fail = config->power_losses;
    for (unsigned t = 0; t < SHELVES; t++) {
        struct shelf *shelf = &replay_board->shelf[t];
        bool slowest = t + 1 == config->tiers;
        shelf->away = shelf->damaged = shelf->record_there = false;
        shelf->sync_errors = 0;
        shelf->synced = config->sync && (variant % 3 == 2 || (variant % 3 == 1) != slowest);
        for (unsigned k = 0; k < SHELF_KEYS; k++)
            empty(&shelf->place[k]);
    }
}

void pool_take_keys(unsigned pair)
{
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        memcpy(replay_board->key[k], keys[pair % PAIRS][k], NAME_SIZE);
        for (unsigned t = 0; t < SHELVES; t++)
            empty(&replay_board->shelf[t].place[k]);
    }
}

/* ---- what happens to it ------------------------------------------------------------------------------------------ */

void pool_lose_power(const struct step *step, uint64_t *dice)
{
    for (unsigned t = 0; t < SHELVES; t++)
        for (unsigned k = 0; k < SHELF_KEYS; k++) {
            struct place *place = &replay_board->shelf[t].place[k];
            unsigned left = throw_dice(dice, place->images);
            for (unsigned i = 0; i < place->images; i++)
                if (place->image[i].change == step->image[k][t])
                    left = i;
            place->image[0] = place->image[left];
            place->images = 1;
            place->sync_failed = false;
        }
    end_boot();
}

void pool_damage(unsigned tier, unsigned key)
{
    empty(&replay_board->shelf[tier].place[key]);
    replay_board->shelf[tier].damaged = replay_board->shelf[tier].away = true;
}

/* ---- doubts ------------------------------------------------------------------------------------------------------ */

/* Maps the page, unless it is the one that is mapped. */
static bool look_at_page(void)
{
    char path[128];
    struct stat file;
    page_path(path);
    if (stat(path, &file) || file.st_size < (off_t)sizeof *page.file)
        return false;
    if (page.file && file.st_ino == page_inode)
        return true;
    forget_page();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page.file, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (memory == MAP_FAILED)
        return false;
    page.file = memory;
    page.words = page.file->words;
    page_inode = file.st_ino;
    return true;
}

unsigned pool_doubt(unsigned tiers)
{
    char id[PXT_MEMBER_ID + 1], name[PXT_MEMBER_NAME];
    unsigned clear = 0;
    if (!look_at_page())
        return (1u << tiers) - 1;
    pxt_doubts doubts =
        pxt_word_doubts(pxt_word(&page, pxt_key_hash(replay_board->key[0], strlen(replay_board->key[0]))));
    for (unsigned slot = 0; slot < PXT_CHAIN_MAX; slot++)
        if (pxt_page_member(&page, slot, id, name) && name[0] == 't' && !(doubts >> slot & 1))
            clear |= 1u << (name[1] - '0');
    return ((1u << tiers) - 1) & ~clear;
}
