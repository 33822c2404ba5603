/* SPDX-License-Identifier: MIT
 *
 * secret_variables.h: the variables of the environment that the configuration takes secrets from: keys of encryptors, and
 * passwords of servers. `exec` keeps them from the program that it runs.
 */
#ifndef SECRET_VARIABLES_H
#define SECRET_VARIABLES_H

#include "command.h"

struct secret_variables {
    char **name;
    size_t count;
    bool no_memory;
};

/* Reads which they are. After an error, too, `variables` is for secret_variables_free(). */
pxt_status secret_variables_read(const struct invocation *invocation, struct secret_variables *variables,
                                 struct pxt_error *error);
void secret_variables_free(struct secret_variables *variables);
/* Whether "NAME=VALUE" is one of them. */
bool is_secret_variable(const struct secret_variables *variables, const char *setting);

#endif
