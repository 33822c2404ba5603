/* SPDX-License-Identifier: MIT
 *
 * choices.c: the values that an option takes, where a table of the library has them.
 */
#include "command.h"
#include <string.h>

const char *option_choice(const struct command *command, const struct option_row *row, size_t index, const char **help)
{
    static const char *const ways[][2] = {
#define X(id, name, help) {name, help},
        PXT_CHOICES(X)
#undef X
    };
    if (!strcmp(row->name, "choose")) {
        *help = index < PXT_CHOICE_COUNT ? ways[index][1] : NULL;
        return index < PXT_CHOICE_COUNT ? ways[index][0] : NULL;
    }
    if (command->run != run_export || strcmp(row->name, "format"))
        return NULL;
    const struct pxt_export_format *format = pxt_export_format(index);
    *help = format ? format->help : NULL;
    return format ? format->name : NULL;
}
