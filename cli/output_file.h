/* SPDX-License-Identifier: MIT
 *
 * output_file.h: files that a command writes as a whole or not at all.
 */
#ifndef CLI_OUTPUT_FILE_H
#define CLI_OUTPUT_FILE_H

#include "command.h"

enum { EXIT_CANNOT_CREATE = 73 };

/* Writes the content to `file`. 0, or an exit code after a message. */
typedef int output_fn(void *arg, FILE *file);
/* Has `write` write the file `path`, NULL or "-" for standard output, and returns its exit code, or that of what failed
 * else. A regular file is replaced when the new one is whole and on disk; what cannot be replaced is written in place. */
int output_file(const char *path, output_fn *write, void *arg);

#endif
