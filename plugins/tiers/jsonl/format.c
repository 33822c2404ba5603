/* SPDX-License-Identifier: MIT
 *
 * format.c: the file proxtier.format of the folder: which format the logs have, and how many there are. Each instance that
 * has the folder open holds a shared lock of the file; an exclusive one is needed to change the number of logs
 * (reshard.c). A folder without the file was made before there was one, or by ProxyWhirl.
 *
 * The file is replaced as a whole. The new one is locked before it takes its name, so that the lock never rests.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "1"
#define FORMAT_CANDIDATE "1-rc" /* has the same logs */
enum { TEXT_MAX = 511 };
#define LOOK_AGAIN (PXT_SECOND / 100)
static const char name[] = "proxtier.format", new_name[] = "proxtier.format.new";

static void let_go(struct jsonl *tier)
{
    if (tier->format_fd >= 0)
        close(tier->format_fd);
    tier->format_fd = -1;
}

/* ---- reading ---- */

/* Reads the number of logs behind `word`, at the start of a line; 0 if the line is another one; -1: malformed. */
static int read_number(const char *line, const char *word)
{
    size_t length = strlen(word);
    char *end;
    if (strncmp(line, word, length))
        return 0;
    long number = strtol(line + length, &end, 10);
    return *end == '\n' && number > 0 && number <= JSONL_SHARDS_MAX ? (int)number : -1;
}

static pxt_status malformed(struct jsonl *tier, struct pxt_error *error)
{
    return tier->host->fail(tier->host, error, PXT_ECONFIG, 0,
                            "%s/%s is damaged: if proxtier made the folder, remove that file, and it is made again",
                            tier->folder, name);
}

/* Whether the text from `word` up to `end` is this one. */
static bool is_word(const char *word, const char *end, const char *wanted)
{
    size_t length = strlen(wanted);
    return (size_t)(end - word) == length && !memcmp(word, wanted, length);
}

static pxt_status parse(struct jsonl *tier, const char *text, struct jsonl_format *format, struct pxt_error *error)
{
    static const char start[] = "format ";
    const char *line = strchr(text, '\n');
    if (strncmp(text, start, sizeof start - 1) || !line)
        return malformed(tier, error);
    const char *word = text + sizeof start - 1;
    format->outdated = is_word(word, line, FORMAT_CANDIDATE);
    if (!format->outdated && !is_word(word, line, FORMAT))
        return tier->host->fail(
            tier->host, error, PXT_ECONFIG, 0,
            "folder %s has format %.*s, and this proxtier knows format " FORMAT
            ": use the version of proxtier that wrote it, or set another `dir`; nothing was changed",
            tier->folder, (int)(line - word > 40 ? 40 : line - word), word);
    for (; line[1]; line = strchr(line + 1, '\n')) {
        int shards = read_number(line + 1, "shards "), moving = read_number(line + 1, "moving ");
        if (shards < 0 || moving < 0 || !strchr(line + 1, '\n'))
            return malformed(tier, error);
        format->shards = shards ? (unsigned)shards : format->shards;
        format->moving = moving ? (unsigned)moving : format->moving;
    }
    return format->shards ? PXT_OK : malformed(tier, error);
}

/* Reads the open file. An empty one is new: then `format->shards` is 0. */
static pxt_status read_format(struct jsonl *tier, struct jsonl_format *format, struct pxt_error *error)
{
    char text[TEXT_MAX + 1];
    ssize_t n;
    *format = (struct jsonl_format){0};
    do {
        n = pread(tier->format_fd, text, TEXT_MAX, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot read %s/%s", tier->folder, name);
    text[n] = '\0';
    return n ? parse(tier, text, format, error) : PXT_OK;
}

/* ---- writing ---- */

pxt_status jsonl_format_write(struct jsonl *tier, const struct jsonl_format *format, struct pxt_error *error)
{
    char text[TEXT_MAX + 1], moving[32] = "";
    if (format->moving)
        snprintf(moving, sizeof moving, "moving %u\n", format->moving);
    size_t length = (size_t)snprintf(text, sizeof text, "format " FORMAT "\nshards %u\n%s", format->shards, moving);
    unlinkat(tier->folder_fd, new_name, 0);
    int fd = openat(tier->folder_fd, new_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, tier->file_mode);
    if (fd >= 0)
        jsonl_set_mode(tier, fd);
    bool good = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
    if (good) {
        ssize_t n = write(fd, text, length);
        if (n >= 0 && n < (ssize_t)length)
            errno = ENOSPC; /* a short write is a disk that is full */
        good = n == (ssize_t)length && !fsync(fd) && !renameat(tier->folder_fd, new_name, tier->folder_fd, name);
    }
    int code = errno;
    if (good) {
        let_go(tier);
        tier->format_fd = fd;
        good = !fsync(tier->folder_fd);
        code = errno;
    } else if (fd >= 0) {
        close(fd);
        unlinkat(tier->folder_fd, new_name, 0);
    }
    return good ? PXT_OK
                : tier->host->fail(tier->host, error, tier->host->status_of_errno(code), code, "cannot write %s/%s",
                                   tier->folder, name);
}

/* ---- the lock ---- */

/* Whether the open file is the one that other processes open. */
static bool is_current(const struct jsonl *tier)
{
    struct stat mine, named;
    return !fstat(tier->format_fd, &mine) && !fstatat(tier->folder_fd, name, &named, AT_SYMLINK_NOFOLLOW) &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

static pxt_status busy(struct jsonl *tier, bool exclusive, const struct jsonl_format *format, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    if (exclusive && format->shards)
        return host->fail(
            host, error, PXT_EBUSY, 0,
            "folder %s has %u shards and is to have %u, but another process has it open: end that process "
            "and try again, or set shards: %u",
            tier->folder, format->shards, tier->shard_count, format->shards);
    return host->fail(host, error, PXT_EBUSY, 0,
                      "another process is rewriting folder %s with another number of shards: try again when it is done",
                      tier->folder);
}

/* Opens the file, locks it and reads it. `format` has what was read before. Waits only LOOK_AGAIN for an exclusive lock. */
static pxt_status lock_format(struct jsonl *tier, bool exclusive, struct jsonl_format *format, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    int flags = O_RDWR | (tier->compatible ? 0 : O_CREAT);
    for (;;) {
        let_go(tier);
        tier->format_fd = jsonl_open_file(tier, name, flags, tier->file_mode);
        if (tier->format_fd < 0)
            return host->fail(host, error, host->status_of_errno(errno), errno, "cannot open %s/%s", tier->folder,
                              name);
        jsonl_set_mode(tier, tier->format_fd);
        if (!jsonl_flock(tier->format_fd, exclusive ? LOCK_EX : LOCK_SH, exclusive ? LOOK_AGAIN : tier->lock_timeout))
            return errno == EWOULDBLOCK
                       ? busy(tier, exclusive, format, error)
                       : host->fail(host, error, PXT_EIO, errno, "cannot lock %s/%s", tier->folder, name);
        if (is_current(tier))
            return read_format(tier, format, error);
    }
}

/* Goes on without the file, as programs did before it was there: a folder can be read although its disk is full. */
static pxt_status do_without(struct jsonl *tier, const struct pxt_error *why)
{
    let_go(tier);
    tier->host->log(tier->host, PXT_LOG_WARNING, "%s", why->message);
    return PXT_OK;
}

static bool is_settled(const struct jsonl *tier, const struct jsonl_format *format)
{
    return format->shards == tier->shard_count && !format->moving;
}

/* Writes this format in place of the candidate's, if no other process has the folder open. Where it cannot be written
 * the other one stays, for the logs are the same. The lock is a shared one before and after. */
static pxt_status bring_up_to_date(struct jsonl *tier, struct jsonl_format *format, struct pxt_error *error)
{
    pxt_status status = lock_format(tier, true, format, error);
    if (!status && format->outdated && is_settled(tier, format))
        status = jsonl_format_write(tier, format, error);
    if (status == PXT_ENOSPC || status == PXT_EACCES)
        tier->host->log(tier->host, PXT_LOG_INFO, "folder %s keeps format " FORMAT_CANDIDATE ": %s", tier->folder,
                        error->message);
    bool stays = status == PXT_EBUSY || status == PXT_ENOSPC || status == PXT_EACCES;
    return status && !stays ? status : lock_format(tier, false, format, error);
}

pxt_status jsonl_format_claim(struct jsonl *tier, struct pxt_error *error)
{
    struct jsonl_format format = {0};
    struct pxt_error local = {0};
    struct stat file;
    if (tier->compatible && fstatat(tier->folder_fd, name, &file, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
        return PXT_OK; /* ProxyWhirl's folder stays as it is */
    bool exists = !fstatat(tier->folder_fd, name, &file, AT_SYMLINK_NOFOLLOW);
    pxt_status status = lock_format(tier, false, &format, error ? error : &local);
    if (!exists && (status == PXT_ENOSPC || status == PXT_EACCES))
        return do_without(tier, error ? error : &local);
    if (!status && format.outdated && is_settled(tier, &format))
        status = bring_up_to_date(tier, &format, error ? error : &local);
    /* A lock that is made exclusive, or shared again, is released in between: so what was read may not hold any more, and
     * the process that keeps from an exclusive lock may have done what is to be done. */
    int64_t deadline = jsonl_monotonic_us() + tier->lock_timeout;
    while (!status && !is_settled(tier, &format)) {
        status = lock_format(tier, true, &format, error);
        if (status == PXT_EBUSY && jsonl_monotonic_us() < deadline) {
            status = lock_format(tier, false, &format, error);
            continue;
        }
        if (!status && !is_settled(tier, &format))
            status = jsonl_reshard(tier, &format, error ? error : &local);
        if (status == PXT_ENOSPC && format.unwritten)
            return do_without(tier, error ? error : &local);
        if (!status)
            status = lock_format(tier, false, &format, error);
    }
    return status;
}
