/* SPDX-License-Identifier: MIT
 *
 * export_json.c: entries as JSON, an object each, with all fields that an import takes back.
 */
#include "base/alloc.h"
#include "entry/entry.h"
#include "entry/json.h"
#include "lists/export.h"
#include <string.h>

bool pxt_credential_is_plain(struct pxt_span span)
{
    size_t stars = 0;
    while (stars < span.length && span.text[stars] == '*')
        stars++;
    return stars < span.length && pxt_span_is_utf8(span) && !pxt_span_has_control(span);
}

/* `, "password": "..."` in the clear; JSON has no other bytes than UTF-8. */
static void write_credential(struct pxt_out *out, enum pxt_field_id field, struct pxt_span span)
{
    size_t count;
    const char *name = pxt_field_table(&count)[field].name;
    if (!span.text)
        return;
    if (pxt_credential_is_plain(span)) {
        pxt_out_format(out, ", \"%s\": ", name);
        pxt_out_json(out, span);
    } else {
        pxt_out_format(out, ", \"%s_base64\": \"", name);
        pxt_out_base64(out, span);
        pxt_out_text(out, "\"");
    }
}

/* The entry without its tokens. */
static pxt_status strip(const pxt_entry *entry, pxt_entry **bare, struct pxt_error *error)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    pxt_draft_unset(&draft, PXT_FIELD_USERNAME);
    pxt_draft_unset(&draft, PXT_FIELD_PASSWORD);
    return pxt_entry_new(&draft, bare, error);
}

static void write_object(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    pxt_entry *bare = NULL;
    char *text = NULL;
    size_t length;
    if (exported->reveal)
        export->status = strip(exported->entry, &bare, export->error);
    if (!export->status)
        export->status = pxt_json_new(bare ? bare : exported->entry, PXT_JSON_PLAIN, &text, &length, export->error);
    if (!export->status) {
        pxt_out_bytes(out, text, length - 1); /* without its brace */
        write_credential(out, PXT_FIELD_USERNAME, exported->username);
        write_credential(out, PXT_FIELD_PASSWORD, exported->password);
        pxt_out_text(out, "}");
    }
    pxt_free(text);
    pxt_entry_release(bare);
}

const char *pxt_write_jsonl(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    write_object(export, exported, out);
    pxt_out_text(out, "\n");
    return NULL;
}

void pxt_begin_json(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "[");
}

const char *pxt_write_json(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    pxt_out_text(out, export->counts.written ? ",\n" : "\n");
    write_object(export, exported, out);
    return NULL;
}

void pxt_end_json(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "\n]\n");
}
