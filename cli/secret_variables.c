/* SPDX-License-Identifier: MIT
 *
 * secret_variables.c: which variables of the environment have secrets, by the configuration: an option whose name ends in
 * key_env names one, and so does a value env:NAME.
 */
#include "secret_variables.h"
#include <stdlib.h>
#include <string.h>

static void add(struct secret_variables *variables, const char *name)
{
    char **grown = realloc(variables->name, (variables->count + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown)
        variables->name = grown;
    if (grown && copy)
        grown[variables->count++] = copy;
    else
        free(copy);
    variables->no_memory |= !grown || !copy;
}

static void look_at(void *arg, const struct pxt_config_value *value)
{
    static const char suffix[] = "key_env";
    size_t length = strlen(value->name);
    bool names_one = length >= strlen(suffix) && !strcmp(value->name + length - strlen(suffix), suffix);
    if (names_one && *value->value)
        add(arg, value->value);
    else if (!strncmp(value->value, "env:", 4))
        add(arg, value->value + 4);
}

pxt_status secret_variables_read(const struct invocation *invocation, struct secret_variables *variables,
                                 struct pxt_error *error)
{
    pxt_status status = pxt_config_each(&invocation->open, look_at, variables, error);
    return !status && variables->no_memory ? out_of_memory(error) : status;
}

void secret_variables_free(struct secret_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        free(variables->name[i]);
    free(variables->name);
    *variables = (struct secret_variables){.count = 0};
}

bool is_secret_variable(const struct secret_variables *variables, const char *setting)
{
    size_t length = strcspn(setting, "=");
    for (size_t i = 0; i < variables->count; i++)
        if (strlen(variables->name[i]) == length && !strncmp(variables->name[i], setting, length))
            return true;
    return false;
}
