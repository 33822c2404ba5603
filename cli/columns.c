/* SPDX-License-Identifier: MIT
 *
 * columns.c: prints entries as a command line asks for it.
 */
#include "columns.h"
#include <string.h>

/* The field of a name; PXT_FIELD_COUNT if there is none that is shown. */
static int field_of(const char *name, size_t length)
{
    size_t count;
    const struct pxt_field *const *fields = pxt_fields(&count);
    if (length == 3 && !memcmp(name, "url", 3))
        return COLUMN_URL;
    for (size_t i = 0; i < count && i < PXT_FIELD_COUNT; i++)
        if (strlen(fields[i]->name) == length && !memcmp(fields[i]->name, name, length) &&
            !(fields[i]->flags & PXT_FIELD_INTERNAL))
            return (int)i;
    return PXT_FIELD_COUNT;
}

bool read_columns(const struct invocation *invocation, struct columns *columns, int *exit_code)
{
    const char *list = option(invocation, "show");
    *columns =
        (struct columns){.json = option(invocation, "json") != NULL, .reveal = option(invocation, "reveal") != NULL};
    if (list && columns->json) {
        *exit_code = usage(invocation, "--show and --json exclude each other");
        return false;
    }
    while (list) {
        size_t length = strcspn(list, ",");
        int field = field_of(list, length);
        if (field == PXT_FIELD_COUNT) {
            char given[64];
            snprintf(given, sizeof given, "%.*s", (int)length, list);
            *exit_code = unknown_field(invocation, given);
            return false;
        }
        if (columns->count == COLUMNS_MAX) {
            *exit_code = usage(invocation, "--show takes %d fields at most", COLUMNS_MAX);
            return false;
        }
        columns->column[columns->count++] = field;
        list = list[length] ? list + length + 1 : NULL;
    }
    return true;
}

static pxt_status print_values(FILE *out, const struct columns *columns, pxt_cache *cache, pxt_entry *entry,
                               struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (int i = 0; i < columns->count && !status; i++) {
        int field = columns->column[i];
        if (i)
            fputc('\t', out);
        if (field == COLUMN_URL)
            status = print_url(out, cache, entry, columns->reveal, error);
        else if (columns->reveal && (field == PXT_FIELD_USERNAME || field == PXT_FIELD_PASSWORD))
            status = print_credential(out, cache, entry, (enum pxt_field_id)field, error);
        else
            print_field(out, entry, (enum pxt_field_id)field);
    }
    return status;
}

pxt_status print_columns(FILE *out, const struct columns *columns, pxt_cache *cache, pxt_entry *entry,
                         struct pxt_error *error)
{
    char *text = NULL;
    size_t length = 0;
    if (columns->json)
        return print_json_with(out, cache, entry, columns->reveal, error);
    if (!columns->count)
        return print_url(out, cache, entry, columns->reveal, error);
    FILE *whole = open_memstream(&text, &length); /* so that an error leaves no half of a line */
    if (!whole)
        return out_of_memory(error);
    pxt_status status = print_values(whole, columns, cache, entry, error);
    if (fclose(whole) && !status)
        status = out_of_memory(error);
    if (!status)
        fwrite(text, 1, length, out);
    free_secret_text(text, length);
    return status;
}
