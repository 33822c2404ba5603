/* SPDX-License-Identifier: MIT
 *
 * soak.h: the soak, of any server. See README.md.
 */
#ifndef SOAK_H
#define SOAK_H

struct engine {
    const char *name;
    int calls;                 /* of a test that is to end soon */
    void (*start)(void);       /* and waits until the server answers */
    void (*kill)(void);        /* with SIGKILL */
    const char *(*tier)(void); /* in YAML */
    void (*empty)(void);       /* starts a server without data */
};
/* Runs the soak, in a folder of its own, with all chains; prints TAP, and returns the exit status of the test. */
int soak(const struct engine *engine);

#endif
