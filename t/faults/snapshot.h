/* SPDX-License-Identifier: MIT
 *
 * snapshot.h: the files of a folder and of folders in it, put back as they were, while a process has them open: the same
 * inodes have the same names and bytes again, and the open descriptors their places.
 */
#ifndef FAULTS_SNAPSHOT_H
#define FAULTS_SNAPSHOT_H

#include "twin.h"
#include <stdint.h>

/* Keeps the files below `folder`, by links in the folder `kept` (on the same file system) and by their bytes. `files` shows
 * them as if there were no such links. Ends the process with a message if anything fails, as do the others. */
void snapshot_take(const char *folder, const char *kept, struct twin_files *files);
/* Puts back what the last snapshot has, and removes its links. The times of change are shown as they were. */
void snapshot_put_back(const char *folder, const char *kept, struct twin_files *files);
/* Stands for all names and bytes below the folder, and of the log; and whether each file is one of the snapshot. */
struct outcome {
    uint64_t half[2];
};
struct outcome snapshot_outcome(const char *folder, const char *log);
/* Removes all that is in a folder. */
void snapshot_empty(const char *folder);

#endif
