/* SPDX-License-Identifier: MIT
 *
 * export_csv.c: entries as a table of RFC 4180 with a header: all fields, then the credentials.
 */
#include "entry/entry.h"
#include "lists/export.h"
#include <string.h>

static const enum pxt_field_id credentials[] = {PXT_FIELD_USERNAME, PXT_FIELD_PASSWORD};
enum { CREDENTIALS = sizeof credentials / sizeof *credentials };

static bool is_column(const struct pxt_field *field)
{
    return field->type != PXT_TYPE_SECRET && !(field->flags & PXT_FIELD_INTERNAL);
}

void pxt_begin_csv(struct pxt_export *export, struct pxt_out *out)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t i = 0; i < count; i++)
        if (is_column(&field[i]))
            pxt_out_format(out, "%s%s", i ? "," : "", field[i].name);
    for (size_t i = 0; i < CREDENTIALS; i++) {
        const char *name = field[credentials[i]].name;
        if (export->options.reveal)
            pxt_out_format(out, ",%s,%s_base64", name, name);
        else
            pxt_out_format(out, ",%s_encrypted", name);
    }
    pxt_out_text(out, "\r\n");
}

static void write_clear(struct pxt_out *out, struct pxt_span span)
{
    bool plain = span.text && pxt_credential_is_plain(span);
    pxt_out_text(out, ",");
    if (plain)
        pxt_out_csv(out, span);
    pxt_out_text(out, ",");
    if (span.text && !plain)
        pxt_out_base64(out, span);
}

static void write_token(struct pxt_out *out, const pxt_entry *entry, enum pxt_field_id field)
{
    size_t length;
    const char *token = pxt_entry_token(entry, field, &length);
    pxt_out_text(out, ",");
    for (size_t i = 0; token && i < length; i++)
        pxt_out_format(out, "%02x", (unsigned)(unsigned char)token[i]);
}

const char *pxt_write_csv(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    (void)export;
    for (size_t i = 0; i < count; i++) {
        if (!is_column(&field[i]))
            continue;
        pxt_out_text(out, i ? "," : "");
        pxt_out_field(out, exported->entry, (enum pxt_field_id)i, pxt_out_csv);
    }
    for (size_t i = 0; i < CREDENTIALS; i++)
        if (exported->reveal)
            write_clear(out, i ? exported->password : exported->username);
        else
            write_token(out, exported->entry, credentials[i]);
    pxt_out_text(out, "\r\n");
    return NULL;
}
