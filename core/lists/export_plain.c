/* SPDX-License-Identifier: MIT
 *
 * export_plain.c: one entry a line, by a template: the caller's, or that of a plain form. Plain forms have no escapes. So each
 * line is read as an import reads it, and is written only if that gives the same proxy.
 */
#include "base/alloc.h"
#include "lists/export.h"
#include "proxy/proxyurl.h"
#include <string.h>

void pxt_out_url(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_format(out, "%s://", exported->scheme);
    pxt_out_percent(out, exported->username);
    if (exported->password.text) {
        pxt_out_text(out, ":");
        pxt_out_percent(out, exported->password);
    }
    if (exported->username.text || exported->password.text)
        pxt_out_text(out, "@");
    pxt_out_span(out, exported->hostport);
}

static bool same(struct pxt_span span, bool has, const char *text, size_t length)
{
    return has ? span.text && span.length == length && !memcmp(span.text, text, length) : !span.text;
}

/* Whether a line is read as the proxy that it was made of; a form without a scheme is read with that of the entry. */
static bool reads_back(const struct pxt_exported *exported, const char *line, size_t length)
{
    struct pxt_proxy *proxy = pxt_alloc(sizeof *proxy);
    if (!proxy)
        return false;
    bool good = !pxt_proxy_parse_line(line, length, exported->scheme, proxy, NULL, NULL) &&
                !strcmp(proxy->url, exported->url) &&
                same(exported->username, proxy->has_username, proxy->username, proxy->username_length) &&
                same(exported->password, proxy->has_password, proxy->password, proxy->password_length);
    explicit_bzero(proxy, sizeof *proxy);
    pxt_free(proxy);
    return good;
}

const char *pxt_write_plain(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    bool full = exported->username.text || exported->password.text;
    size_t start = out->length;
    if (full && !(export->row->carries & PXT_CARRY_COLONS) &&
        (pxt_span_has(exported->username, ":") || pxt_span_has(exported->password, ":")))
        return "a colon in the credentials";
    const char *problem = pxt_template_write(full ? export->full : export->bare, exported, out);
    if (problem || out->no_memory)
        return problem;
    return reads_back(exported, out->text + start, out->length - start - 1)
               ? NULL
               : "its line would be read as another proxy, or as none";
}

const char *pxt_write_template(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    return pxt_template_write(export->full, exported, out);
}
