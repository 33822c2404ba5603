/* SPDX-License-Identifier: MIT
 *
 * hint_log.c: the hint log. It is written and emptied under a lock among processes, and replayed when the epoch in the
 * coherence page says that there are new lines.
 */
#include "shared/hint_log.h"
#include "base/fail.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = PXT_KEY_MAX + 300 };

/* Returns NULL if this chain does not configure the tier. */
static struct pxt_hints *hints_named(struct pxt_hint_log *log, const char *name)
{
    for (unsigned i = 0; i < log->hints_count; i++)
        if (!strcmp(log->hints[i]->name, name))
            return log->hints[i];
    return NULL;
}

/* Applies a line, without its newline; the line is split in place. A line of another format is ignored. */
static void apply_line(struct pxt_hint_log *log, char *line)
{
    char event = line[0];
    if (!event || !strchr("+x-=*#.", event) || line[1] != '\t')
        return;
    char *name = line + 2, *key = strchr(name, '\t');
    if (key)
        *key++ = '\0';
    if (strchr("+x-", event) && !key)
        return;
    struct pxt_hints *hints = hints_named(log, name);
    if (hints)
        pxt_hints_apply(hints, (enum pxt_hint_event)event, key);
    else
        log->has_foreign_lines = true;
}

/* Applies the lines from `read_to` on. A torn last line is left: its event was not acknowledged. */
static void replay_tail(struct pxt_hint_log *log)
{
    char chunk[16384];
    for (;;) {
        ssize_t n = pread(log->fd, chunk, sizeof chunk - 1, log->read_to);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        chunk[n] = '\0';
        char *line = chunk;
        for (char *newline; (newline = memchr(line, '\n', (size_t)(chunk + n - line))); line = newline + 1) {
            *newline = '\0';
            apply_line(log, line);
            log->read_to += newline + 1 - line;
        }
        if (line == chunk)
            return;
    }
}

static void forget_all(struct pxt_hint_log *log)
{
    log->read_to = 0;
    log->has_foreign_lines = false;
    for (unsigned i = 0; i < log->hints_count; i++)
        if (log->hints[i]->shared)
            pxt_hints_clear(log->hints[i]);
}

/* Gives a file without lines an ID of its own. */
static void name_file(struct pxt_hint_log *log)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(log->id, sizeof log->id, "%llx.%lx.%lx", (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec,
             (unsigned long)getpid());
}

/* Appends a line. False if the file cannot be read or written. With both locks. */
static bool append(struct pxt_hint_log *log, enum pxt_hint_event event, const char *tier, const char *key)
{
    char line[LINE_MAX_BYTES], last = '\n';
    struct stat file;
    if (fstat(log->fd, &file) || (file.st_size && pread(log->fd, &last, 1, file.st_size - 1) != 1))
        return false;
    if (!file.st_size)
        name_file(log);
    /* A line that was torn by a full disk is ended first, so that the two do not become one. */
    int length = snprintf(line, sizeof line, "%s%s%s%s%c\t%s%s%s\n", file.st_size ? "" : "!\t",
                          file.st_size ? "" : log->id, file.st_size ? "" : "\n", last == '\n' ? "" : "\n", (char)event,
                          tier, key ? "\t" : "", key ? key : "");
    return length > 0 && write(log->fd, line, (size_t)length) == length;
}

struct rewriting {
    struct pxt_hint_log *log;
    const struct pxt_hints *hints;
};

static bool append_known(void *arg, enum pxt_hint_event event, const char *key)
{
    const struct rewriting *rewriting = arg;
    return append(rewriting->log, event, rewriting->hints->name, key);
}

/* Appends all hints that this process knows. */
static void append_all(struct pxt_hint_log *log)
{
    bool good = true;
    for (unsigned i = 0; i < log->hints_count && good; i++) {
        struct rewriting rewriting = {log, log->hints[i]};
        good = !log->hints[i]->shared || pxt_hints_each(log->hints[i], append_known, &rewriting);
    }
    log->lost_lines = !good;
    pxt_coherence_raise(log->coherence, PXT_WORD_HINTS_EPOCH);
}

/* Reads the ID from the first line of the file; empty if there is none. */
static void read_id(const struct pxt_hint_log *log, char id[PXT_HINT_LOG_ID])
{
    char line[PXT_HINT_LOG_ID + 3];
    ssize_t n = pread(log->fd, line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    char *end = strchr(line, '\n');
    id[0] = '\0';
    if (end && line[0] == '!' && line[1] == '\t' && end - line - 2 < PXT_HINT_LOG_ID) {
        *end = '\0';
        memcpy(id, line + 2, (size_t)(end - line) - 1);
    }
}

/* Tells whether the file is another one than was read so far. */
static bool was_cut(const struct pxt_hint_log *log, const char *id)
{
    struct stat file;
    return log->read_to && (strcmp(id, log->id) || fstat(log->fd, &file) || file.st_size < log->read_to);
}

/* Replays the new lines. If another process emptied the file, all hints are forgotten before; if the file was cut or
 * replaced, what this process knows is kept, and appended. With both locks. */
static void replay_new(struct pxt_hint_log *log)
{
    char id[PXT_HINT_LOG_ID];
    uint32_t resets = pxt_coherence_word(log->coherence, PXT_WORD_HINTS_RESETS);
    unsigned reopened = atomic_load(&log->coherence->reopened);
    bool same_counters = reopened == log->coherence_seen;
    read_id(log, id);
    if (same_counters && resets != log->resets_seen) {
        forget_all(log);
    } else if (!same_counters || was_cut(log, id)) {
        log->read_to = 0;
        log->lost_lines = true;
    }
    log->resets_seen = resets;
    log->coherence_seen = reopened;
    memcpy(log->id, id, sizeof id);
    replay_tail(log);
    if (log->lost_lines) {
        append_all(log);
        replay_tail(log);
    }
    atomic_store(&log->epoch_seen, pxt_coherence_word(log->coherence, PXT_WORD_HINTS_EPOCH));
}

static int open_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Opens the file that the path names now, if that is another one, or none: the old file is read to its end before. */
static bool follow_path(struct pxt_hint_log *log, struct pxt_error *error)
{
    struct stat file, named;
    if (!lstat(log->path, &named) && !fstat(log->fd, &file) && named.st_dev == file.st_dev &&
        named.st_ino == file.st_ino)
        return true;
    replay_tail(log);
    int fd = open_file(log->path);
    bool good = fd >= 0 && dup3(fd, log->fd, O_CLOEXEC) >= 0; /* the number stays: it is read without the lock */
    if (!good)
        pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", log->path);
    if (fd >= 0)
        close(fd);
    if (good) {
        log->read_to = 0;
        log->lost_lines = true;
    }
    return good;
}

/* Takes both locks, and keeps the thread from being cancelled while it reads and writes the file. */
static bool lock(struct pxt_hint_log *log, struct pxt_error *error)
{
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pthread_mutex_lock(&log->lock);
    bool locked = pxt_coherence_lock(log->coherence, PXT_STRIPES, 1, error) == PXT_OK;
    if (locked && follow_path(log, error)) {
        log->cancel_state = cancel_state;
        return true;
    }
    if (locked)
        pxt_coherence_unlock(log->coherence, PXT_STRIPES, 1);
    pthread_mutex_unlock(&log->lock);
    pthread_setcancelstate(cancel_state, NULL);
    return false;
}

static void unlock(struct pxt_hint_log *log)
{
    int cancel_state = log->cancel_state;
    pxt_coherence_unlock(log->coherence, PXT_STRIPES, 1);
    pthread_mutex_unlock(&log->lock);
    pthread_setcancelstate(cancel_state, NULL);
}

/* Tells whether no line of the file counts any more. The hints of private tiers are not in it. */
static bool is_done(const struct pxt_hint_log *log)
{
    for (unsigned i = 0; i < log->hints_count; i++)
        if (log->hints[i]->shared && pxt_hints_pending(log->hints[i]))
            return false;
    return !log->has_foreign_lines;
}

static void empty_if_done(struct pxt_hint_log *log)
{
    struct stat file;
    if (!is_done(log) || fstat(log->fd, &file) || !file.st_size)
        return;
    /* First the word: if this process is killed in between, the others read the file from the start, which is right. */
    log->resets_seen = pxt_coherence_raise(log->coherence, PXT_WORD_HINTS_RESETS);
    if (!ftruncate(log->fd, 0))
        log->read_to = 0;
    atomic_store(&log->epoch_seen, pxt_coherence_raise(log->coherence, PXT_WORD_HINTS_EPOCH));
}

/* Appends the lines of PATH.missed, the hint log of earlier programs, and removes it. Its events are the same, but it has
 * no ID. With both locks, after replay_new(). On failure the file stays. */
static pxt_status take_over_missed(struct pxt_hint_log *log, const char *path, struct pxt_error *error)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return PXT_OK;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    bool good = file != NULL;
    errno = file ? 0 : errno;
    while (good && (n = getline(&line, &size, file)) > 0 && line[n - 1] == '\n') {
        line[n - 1] = '\0';
        if (n > 2 && n < LINE_MAX_BYTES - PXT_HINT_LOG_ID - 8 && line[0] && strchr("+x-=*#.", line[0]) &&
            line[1] == '\t')
            good = append(log, (enum pxt_hint_event)line[0], line + 2, NULL);
    }
    good = good && feof(file) && !fsync(log->fd) && !unlink(path);
    int code = errno ? errno : ENOSPC; /* a short write is a disk that is full */
    pxt_status status = good ? PXT_OK
                             : pxt_fail(error, pxt_status_of_errno(code), code,
                                        "cannot move the hints of %s to %s: make room, and try again", path, log->path);
    free(line);
    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
    pxt_coherence_raise(log->coherence, PXT_WORD_HINTS_EPOCH);
    replay_new(log);
    return status;
}

pxt_status pxt_hint_log_open(struct pxt_hint_log *log, const char *shared_path, struct pxt_coherence *coherence,
                             struct pxt_hints *const *hints, unsigned count, const struct pxt_logger *logger,
                             struct pxt_error *error)
{
    log->coherence = coherence;
    log->logger = logger;
    memcpy(log->hints, hints, count * sizeof(hints[0]));
    log->hints_count = count;
    log->fd = -1;
    pthread_mutex_init(&log->lock, NULL);
    if (!shared_path)
        return PXT_OK;
    log->path = pxt_asprintf("%s.hints", shared_path);
    if (!log->path)
        return pxt_fail_memory(error, "a path");
    log->fd = open_file(log->path);
    if (log->fd < 0)
        return pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot open %s", log->path);
    char *missed = pxt_asprintf("%s.missed", shared_path);
    if (!missed)
        return pxt_fail_memory(error, "a path");
    if (!lock(log, error)) {
        pxt_free(missed);
        return PXT_EBUSY;
    }
    log->resets_seen = pxt_coherence_word(coherence, PXT_WORD_HINTS_RESETS);
    log->coherence_seen = atomic_load(&coherence->reopened);
    replay_new(log);
    pxt_status status = take_over_missed(log, missed, error);
    unlock(log);
    pxt_free(missed);
    return status;
}

void pxt_hint_log_close(struct pxt_hint_log *log)
{
    if (!log->coherence)
        return;
    if (log->fd >= 0)
        close(log->fd);
    pthread_mutex_destroy(&log->lock);
    pxt_free(log->path);
}

static void complain(struct pxt_hint_log *log, const struct pxt_hints *hints, const struct pxt_error *error)
{
    pxt_log(log->logger, PXT_MESSAGE_ERROR, "chain",
            "cannot write a hint of tier %s to %s: other processes may be given an old entry: %s", hints->name,
            log->path, error->message);
}

/* Appends an event and applies it. With both locks, after replay_new(). */
static bool append_locked(struct pxt_hint_log *log, enum pxt_hint_event event, const struct pxt_hints *hints,
                          const char *key)
{
    bool good = append(log, event, hints->name, key);
    atomic_store(&log->epoch_seen, pxt_coherence_raise(log->coherence, PXT_WORD_HINTS_EPOCH));
    replay_tail(log);
    if (event == PXT_HINT_DONE || event == PXT_HINT_ALL_DONE || event == PXT_HINT_RESYNC_END)
        empty_if_done(log);
    return good;
}

bool pxt_hint_log_append(struct pxt_hint_log *log, enum pxt_hint_event event, struct pxt_hints *hints, const char *key)
{
    struct pxt_error error = {.message = "writing failed"};
    if (!hints->shared || !log || log->fd < 0)
        return false;
    bool good = lock(log, &error);
    if (good) {
        replay_new(log);
        good = append_locked(log, event, hints, key);
        unlock(log);
    }
    if (!good)
        complain(log, hints, &error);
    return good;
}

bool pxt_hint_log_append_resync_end(struct pxt_hint_log *log, struct pxt_hints *hints, unsigned overflow_count)
{
    struct pxt_error error = {.message = "writing failed"};
    unsigned now;
    bool in_file = hints->shared && log && log->fd >= 0;
    if (in_file && !lock(log, &error)) {
        complain(log, hints, &error);
        return false;
    }
    if (in_file)
        replay_new(log);
    pxt_hints_overflowed(hints, &now);
    bool good = now == overflow_count;
    if (good && !in_file) {
        pxt_hints_apply(hints, PXT_HINT_RESYNC_END, NULL);
    } else if (good && !append_locked(log, PXT_HINT_RESYNC_END, hints, NULL)) {
        complain(log, hints, &error);
        good = false;
    }
    if (in_file)
        unlock(log);
    return good;
}

void pxt_hint_log_replay(struct pxt_hint_log *log)
{
    if (log->fd < 0 || atomic_load_explicit(&log->epoch_seen, memory_order_acquire) ==
                           pxt_coherence_word(log->coherence, PXT_WORD_HINTS_EPOCH))
        return;
    if (!lock(log, NULL))
        return; /* the next call tries again */
    replay_new(log);
    unlock(log);
}

void pxt_hint_log_check(struct pxt_hint_log *log)
{
    if (log->fd < 0 || pxt_coherence_check(log->coherence, NULL) || !lock(log, NULL))
        return;
    replay_new(log);
    unlock(log);
}
