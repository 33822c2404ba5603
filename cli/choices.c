/* SPDX-License-Identifier: MIT
 *
 * choices.c: the values that an option takes, where a table of the library has them.
 */
#include "command.h"
#include <string.h>

static const struct {
    const char *name, *help;
} choices[] = {
#define X(id, name, help) {name, help},
    PXT_CHOICES(X)
#undef X
};

const char *option_choice(const struct command *command, const struct option_row *row, size_t index, const char **help)
{
    if (!strcmp(row->name, "choose")) {
        *help = index < PXT_CHOICE_COUNT ? choices[index].help : NULL;
        return index < PXT_CHOICE_COUNT ? choices[index].name : NULL;
    }
    if ((command->run != run_export && command->run != run_get) || strcmp(row->name, "format"))
        return NULL;
    const struct pxt_export_format *format = pxt_export_format(index);
    *help = format ? format->help : NULL;
    return format ? format->name : NULL;
}
