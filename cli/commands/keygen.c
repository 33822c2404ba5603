/* SPDX-License-Identifier: MIT
 *
 * keygen.c: proxtier keygen
 */
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int write_key(const char *path, const char *key, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fprintf(stderr, "proxtier: cannot make %s: %s\n", path, strerror(errno));
        return 73;
    }
    bool good = write(fd, key, length) == (ssize_t)length && write(fd, "\n", 1) == 1 && !fsync(fd);
    int code = errno;
    good = !close(fd) && good;
    if (good)
        return 0;
    fprintf(stderr, "proxtier: cannot write %s: %s\n", path, strerror(code));
    unlink(path);
    return EXIT_OUTPUT;
}

int run_keygen(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_secret *secret;
    size_t length;
    const char *path = option(invocation, "out");
    if (pxt_fernet_key(&secret, &error))
        return fail(&error);
    const char *key = pxt_secret_text(secret, &length);
    int code = path ? write_key(path, key, length) : (puts(key), 0);
    pxt_secret_free(secret);
    return finish_output(code);
}
