/* SPDX-License-Identifier: MIT
 *
 * hint_log.c: the file that tells what tiers missed. It is written and emptied under a lock among processes, and read when
 * the epoch in the coherence page says that there is something new.
 */
#include "shared/hint_log.h"
#include "base/fail.h"
#include "tier/tier.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = PXT_KEY_MAX + 300 };

static struct pxt_tier *tier_named(struct pxt_hint_log *missed, const char *name)
{
    for (unsigned i = 0; i < missed->tier_count; i++)
        if (!strcmp(missed->tier[i].name, name))
            return &missed->tier[i];
    return NULL;
}

/* A line, without its newline; it is taken apart in place. What is none of ours is passed over. */
static void apply_line(struct pxt_hint_log *missed, char *line)
{
    char event = line[0];
    if (!event || !strchr("+x-=*#.", event) || line[1] != '\t')
        return;
    char *name = line + 2, *key = strchr(name, '\t');
    if (key)
        *key++ = '\0';
    if (strchr("+x-", event) && !key)
        return;
    struct pxt_tier *tier = tier_named(missed, name);
    if (tier)
        pxt_tier_apply_missed(tier, (enum pxt_hint_event)event, key);
    else
        missed->strangers = true;
}

/* Whole lines only: a torn last one was never acknowledged. */
static void read_tail(struct pxt_hint_log *missed)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = pread(missed->fd, chunk, sizeof chunk - 1, missed->read_to);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        chunk[n] = '\0';
        char *line = chunk;
        for (char *newline; (newline = memchr(line, '\n', (size_t)(chunk + n - line))); line = newline + 1) {
            *newline = '\0';
            apply_line(missed, line);
            missed->read_to += newline + 1 - line;
        }
        if (line == chunk)
            return;
    }
}

static void forget_all(struct pxt_hint_log *missed)
{
    missed->read_to = 0;
    missed->strangers = false;
    for (unsigned i = 0; i < missed->tier_count; i++)
        pxt_tier_forget_missed(&missed->tier[i]);
}

/* With both locks. */
static void catch_up(struct pxt_hint_log *missed)
{
    uint32_t resets = pxt_coherence_word(missed->coherence, PXT_WORD_MISSED_RESETS);
    uint32_t epoch = pxt_coherence_word(missed->coherence, PXT_WORD_MISSED_EPOCH);
    if (resets != missed->resets_seen)
        forget_all(missed);
    missed->resets_seen = resets;
    read_tail(missed);
    atomic_store(&missed->epoch_seen, epoch);
}

static bool lock(struct pxt_hint_log *missed, struct pxt_error *error)
{
    pthread_mutex_lock(&missed->lock);
    if (pxt_coherence_lock(missed->coherence, PXT_STRIPES, 1, error) == PXT_OK)
        return true;
    pthread_mutex_unlock(&missed->lock);
    return false;
}

static void unlock(struct pxt_hint_log *missed)
{
    pxt_coherence_unlock(missed->coherence, PXT_STRIPES, 1);
    pthread_mutex_unlock(&missed->lock);
}

/* The file is the truth for shared tiers; what private ones missed is not in it. */
static bool nothing_is_missed(const struct pxt_hint_log *missed)
{
    for (unsigned i = 0; i < missed->tier_count; i++)
        if (pxt_tier_tells(&missed->tier[i]) && pxt_tier_has_missed(&missed->tier[i]))
            return false;
    return !missed->strangers;
}

static void empty_if_done(struct pxt_hint_log *missed)
{
    struct stat file;
    if (!nothing_is_missed(missed) || fstat(missed->fd, &file) || !file.st_size)
        return;
    if (ftruncate(missed->fd, 0))
        return; /* it only stays longer than it need */
    missed->read_to = 0;
    missed->resets_seen = pxt_coherence_raise(missed->coherence, PXT_WORD_MISSED_RESETS);
    atomic_store(&missed->epoch_seen, pxt_coherence_raise(missed->coherence, PXT_WORD_MISSED_EPOCH));
}

pxt_status pxt_hint_log_open(struct pxt_hint_log *missed, const char *shared_path, struct pxt_coherence *coherence,
                             struct pxt_tier *tiers, unsigned count, const struct pxt_logger *logger,
                             struct pxt_error *error)
{
    missed->coherence = coherence;
    missed->logger = logger;
    missed->tier = tiers;
    missed->tier_count = count;
    missed->fd = -1;
    pthread_mutex_init(&missed->lock, NULL);
    if (!shared_path)
        return PXT_OK;
    missed->path = pxt_asprintf("%s.missed", shared_path);
    if (!missed->path)
        return pxt_fail_memory(error, "a path");
    missed->fd = open(missed->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (missed->fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", missed->path);
    if (!lock(missed, error))
        return PXT_EBUSY;
    missed->resets_seen = pxt_coherence_word(coherence, PXT_WORD_MISSED_RESETS);
    catch_up(missed);
    unlock(missed);
    return PXT_OK;
}

void pxt_hint_log_close(struct pxt_hint_log *missed)
{
    if (!missed->coherence)
        return;
    if (missed->fd >= 0)
        close(missed->fd);
    pthread_mutex_destroy(&missed->lock);
    pxt_free(missed->path);
}

static bool append(struct pxt_hint_log *missed, enum pxt_hint_event event, const char *tier, const char *key)
{
    char line[LINE_MAX_BYTES], last = '\n';
    struct stat file;
    if (fstat(missed->fd, &file) || (file.st_size && pread(missed->fd, &last, 1, file.st_size - 1) != 1))
        return false;
    /* A line that was torn by a full disk is ended first, so that the two do not become one. */
    int length = snprintf(line, sizeof line, "%s%c\t%s%s%s\n", last == '\n' ? "" : "\n", (char)event, tier,
                          key ? "\t" : "", key ? key : "");
    return length > 0 && write(missed->fd, line, (size_t)length) == length;
}

static void complain(struct pxt_hint_log *missed, const struct pxt_tier *tier, const struct pxt_error *error)
{
    pxt_log(missed->logger, PXT_MESSAGE_ERROR, "chain",
            "cannot note in %s what tier %s missed: other processes may be served an old entry: %s", missed->path,
            tier->name, error->message);
}

/* With both locks, after catch_up(). */
static bool tell_locked(struct pxt_hint_log *missed, enum pxt_hint_event event, struct pxt_tier *tier, const char *key)
{
    bool told = append(missed, event, tier->name, key);
    atomic_store(&missed->epoch_seen, pxt_coherence_raise(missed->coherence, PXT_WORD_MISSED_EPOCH));
    read_tail(missed);
    if (event == PXT_MISSED_MADE_GOOD || event == PXT_MISSED_NO_KEY || event == PXT_MISSED_RESYNCED)
        empty_if_done(missed);
    return told;
}

bool pxt_hint_log_append(struct pxt_hint_log *missed, enum pxt_hint_event event, struct pxt_tier *tier, const char *key)
{
    struct pxt_error error = {.message = "writing failed"};
    if (!missed || missed->fd < 0)
        return false;
    bool told = lock(missed, &error);
    if (told) {
        catch_up(missed);
        told = tell_locked(missed, event, tier, key);
        unlock(missed);
    }
    if (!told)
        complain(missed, tier, &error);
    return told;
}

bool pxt_hint_log_append_end(struct pxt_hint_log *missed, struct pxt_tier *tier, unsigned overflows)
{
    struct pxt_error error = {.message = "writing failed"};
    if (!lock(missed, &error)) {
        complain(missed, tier, &error);
        return false;
    }
    catch_up(missed);
    bool good = pxt_tier_missed_overflows(tier) == overflows;
    if (good && !tell_locked(missed, PXT_MISSED_RESYNCED, tier, NULL)) {
        complain(missed, tier, &error);
        good = false;
    }
    unlock(missed);
    return good;
}

void pxt_hint_log_replay(struct pxt_hint_log *missed)
{
    if (missed->fd < 0 || atomic_load_explicit(&missed->epoch_seen, memory_order_acquire) ==
                              pxt_coherence_word(missed->coherence, PXT_WORD_MISSED_EPOCH))
        return;
    if (!lock(missed, NULL))
        return; /* the next call tries again */
    catch_up(missed);
    unlock(missed);
}
