/* SPDX-License-Identifier: MIT
 *
 * quarantine.c: puts damaged bytes aside in a shard's file shard_NN.bad, for a look by hand.
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool jsonl_quarantine(struct jsonl *tier, const struct jsonl_shard *shard, const char *bytes, size_t length)
{
    char name[JSONL_NAME];
    jsonl_shard_name(shard, "bad", name);
    int fd = openat(tier->folder_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        jsonl_set_mode(tier, fd);
    bool good = fd >= 0 && write(fd, bytes, length) == (ssize_t)length && write(fd, "\n", 1) == 1;
    if (!good)
        tier->host->log(tier->host, PXT_LOG_ERROR, "cannot put damaged bytes aside in %s/%s: %s", tier->folder, name,
                        strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}
