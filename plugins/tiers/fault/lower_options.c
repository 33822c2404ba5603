/* SPDX-License-Identifier: MIT
 *
 * lower_options.c: splits the option `tier_options`, `name=value,name=value`, into the options of the tier below.
 */
#include "fault.h"
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\n";

static char *skip_blanks(char *text)
{
    return text + strspn(text, blanks);
}

/* Ends the text before `end`, and before the blanks that stand there. */
static void cut(char *text, char *end)
{
    while (end > text && strchr(blanks, end[-1]))
        end--;
    *end = '\0';
}

/* Cuts out the value that begins at `*at`, in quotes or up to the next comma, and moves `*at` behind it. NULL if a quote is
 * not closed before the next comma. */
static char *take_value(char **at)
{
    char *value = skip_blanks(*at), *end = value + strcspn(value, ",");
    if (*value == '\'' || *value == '"') {
        char *quote = strchr(value + 1, *value);
        if (!quote)
            return NULL;
        end = skip_blanks(quote + 1);
        if (*end && *end != ',')
            return NULL;
        *quote = '\0';
        value++;
    }
    *at = end + (*end == ',');
    if (value[-1] != '\'' && value[-1] != '"')
        cut(value, end);
    return value;
}

pxt_status fault_lower_options(struct fault *fault, const char *text, struct pxt_error *error)
{
    const struct pxt_host *host = fault->host;
    size_t commas = 0, n = 0;
    for (const char *at = text; *at; at++)
        commas += *at == ',';
    fault->lower_text = strdup(text);
    fault->lower_options = calloc(commas + 2, sizeof *fault->lower_options);
    if (!fault->lower_text || !fault->lower_options)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for tier_options");
    for (char *at = skip_blanks(fault->lower_text); *at; at = skip_blanks(at), n++) {
        char *name = at, *equals = at + strcspn(at, "=,");
        if (*equals != '=' || equals == name)
            return host->fail(host, error, PXT_ECONFIG, 0, "tier_options: NAME=VALUE is expected at \"%.40s\"", name);
        cut(name, equals);
        at = equals + 1;
        fault->lower_options[n] = (struct pxt_option_value){name, take_value(&at)};
        if (!fault->lower_options[n].value)
            return host->fail(host, error, PXT_ECONFIG, 0,
                              "tier_options: the quote of %s is not closed before the next comma", name);
    }
    return PXT_OK;
}
