/* SPDX-License-Identifier: MIT
 *
 * export_programs.c: entries as configurations of programs, each quoted by that program's own rules.
 */
#include "lists/export.h"
#include <string.h>

/* A name that is a word in each program: `p_` and the key, in which all but letters, digits, `-` and `.` are _XX. */
static void write_name(struct pxt_out *out, const char *key)
{
    static const char hex[] = "0123456789ABCDEF";
    pxt_out_text(out, "p_");
    for (; *key; key++) {
        unsigned char c = (unsigned char)*key;
        char escape[3] = {'_', hex[c >> 4], hex[c & 15]};
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        pxt_out_bytes(out, plain ? key : escape, plain ? 1 : 3);
    }
}

/* ---- curl: a file for -K ----------------------------------------------------------------------------------------- */

/* Nothing in a URL needs the escapes of the file: quotes and backslashes are %22 and %5C. */
const char *pxt_write_curl(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "proxy = \"");
    pxt_out_url(out, exported);
    pxt_out_text(out, "\"\n");
    return NULL;
}

/* ---- environment lines ------------------------------------------------------------------------------------------- */

/* No value needs quotes: a shell neither splits nor globs an assignment, and systemd and Docker take what stands there. */
const char *pxt_write_env(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    static const char *const names[] = {"http_proxy",  "https_proxy", "all_proxy", "HTTP_PROXY",
                                        "HTTPS_PROXY", "ALL_PROXY",   NULL};
    (void)export;
    for (const char *const *name = names; *name; name++) {
        pxt_out_format(out, "%s=", *name);
        pxt_out_url(out, exported);
        pxt_out_text(out, "\n");
    }
    return NULL;
}

/* ---- proxychains ------------------------------------------------------------------------------------------------- */

void pxt_begin_proxychains(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "random_chain\nchain_len = 1\nproxy_dns\n\n[ProxyList]\n");
}

static bool has_high_byte(struct pxt_span span)
{
    for (size_t i = 0; i < span.length; i++)
        if ((unsigned char)span.text[i] >= 0x80)
            return true;
    return false;
}

/* It has no quotes and no escapes. Its base64 (4.16) takes bytes for signed numbers. */
const char *pxt_write_proxychains(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    (void)export;
    if (!strcmp(exported->scheme, "http") && (has_high_byte(exported->username) || has_high_byte(exported->password)))
        return "a byte beyond ASCII in the credentials, which proxychains sends wrongly to an HTTP proxy";
    if (exported->username.length > 255 || exported->password.length > 255)
        return "a credential of more than 255 bytes";
    pxt_out_format(out, "%s ", exported->scheme);
    pxt_out_span(out, exported->host);
    pxt_out_text(out, " ");
    pxt_out_span(out, exported->port);
    if (exported->username.text) {
        pxt_out_text(out, " ");
        pxt_out_span(out, exported->username);
    }
    if (exported->password.text) {
        pxt_out_text(out, " ");
        pxt_out_span(out, exported->password);
    }
    pxt_out_text(out, "\n");
    return NULL;
}

/* ---- Squid ------------------------------------------------------------------------------------------------------- */

enum { SQUID_LINE_MAX = 2047 };

/* Squid decodes login= first, and then looks for words of its own. */
static const char *squid_login(const struct pxt_exported *exported, struct pxt_out *out)
{
    struct pxt_span user = exported->username;
    if (!user.text)
        return NULL;
    if (pxt_span_has(user, ":"))
        return "a colon in the user name";
    if (user.text[0] == '*' || (user.length >= 9 && !memcmp(user.text, "NEGOTIATE", 9)))
        return "a user name that means something else to Squid";
    pxt_out_text(out, " login=");
    pxt_out_percent(out, user);
    pxt_out_text(out, ":");
    pxt_out_percent(out, exported->password);
    return NULL;
}

const char *pxt_write_squid(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    (void)export;
    size_t start = out->length;
    pxt_out_text(out, "cache_peer ");
    pxt_out_span(out, exported->host);
    pxt_out_text(out, " parent ");
    pxt_out_span(out, exported->port);
    pxt_out_text(out, " 0 no-query no-digest proxy-only round-robin name=");
    write_name(out, exported->key);
    if (!strcmp(exported->scheme, "https"))
        pxt_out_text(out, " tls");
    const char *problem = squid_login(exported, out);
    if (problem)
        return problem;
    if (out->length - start > SQUID_LINE_MAX)
        return "the line would be longer than Squid reads";
    pxt_out_text(out, "\n");
    return NULL;
}

void pxt_end_squid(struct pxt_export *export, struct pxt_out *out)
{
    if (export->counts.written)
        pxt_out_text(out, "never_direct allow all\n");
}

/* ---- HAProxy ----------------------------------------------------------------------------------------------------- */

void pxt_begin_haproxy(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "backend proxtier\n    mode tcp\n    balance random\n"
                      "    default-server check init-addr last,libc,none\n");
}

const char *pxt_write_haproxy(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "    server ");
    write_name(out, exported->key);
    pxt_out_text(out, " ");
    pxt_out_span(out, exported->hostport);
    pxt_out_text(out, "\n");
    return NULL;
}

/* ---- 3proxy ------------------------------------------------------------------------------------------------------ */

static const char *parent_type(const char *scheme)
{
    static const char *const types[][2] = {{"http", "http"},     {"socks4", "socks4"},   {"socks4a", "socks4+"},
                                           {"socks5", "socks5"}, {"socks5h", "socks5+"}, {NULL, NULL}};
    for (size_t i = 0; types[i][0]; i++)
        if (!strcmp(types[i][0], scheme))
            return types[i][1];
    return NULL;
}

/* The weights are known when all have come: a line waits without its beginning. */
const char *pxt_write_3proxy(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    struct pxt_out *held = &export->held;
    (void)out;
    pxt_out_format(held, "%s ", parent_type(exported->scheme));
    pxt_out_span(held, exported->host);
    pxt_out_text(held, " ");
    pxt_out_span(held, exported->port);
    if (exported->username.text) {
        pxt_out_text(held, " ");
        pxt_out_doubled(held, exported->username);
    }
    if (exported->password.text) {
        pxt_out_text(held, " ");
        pxt_out_doubled(held, exported->password);
    }
    pxt_out_text(held, "\n");
    return NULL;
}

/* Parents share the traffic by weights whose sum has to be 1000. */
void pxt_end_3proxy(struct pxt_export *export, struct pxt_out *out)
{
    enum { WEIGHTS = 1000 };
    const struct pxt_out *held = &export->held;
    uint64_t n = export->counts.written, i = 0;
    for (size_t at = 0; at < held->length; i++) {
        const char *line = held->text + at, *end = memchr(line, '\n', held->length - at);
        size_t length = (size_t)(end - line) + 1;
        pxt_out_format(out, "parent %llu ", (unsigned long long)(WEIGHTS / n + (i < WEIGHTS % n)));
        pxt_out_bytes(out, line, length);
        at += length;
    }
    out->no_memory |= held->no_memory;
}

/* ---- PAC --------------------------------------------------------------------------------------------------------- */

void pxt_begin_pac(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "var proxies = [\n");
}

const char *pxt_write_pac(struct pxt_export *export, const struct pxt_exported *exported, struct pxt_out *out)
{
    static const char *const types[][2] = {{"http", "PROXY"},     {"https", "HTTPS"},   {"socks4", "SOCKS4"},
                                           {"socks4a", "SOCKS4"}, {"socks5", "SOCKS5"}, {"socks5h", "SOCKS5"},
                                           {NULL, NULL}};
    (void)export;
    for (size_t i = 0; types[i][0]; i++)
        if (!strcmp(types[i][0], exported->scheme))
            pxt_out_format(out, "    \"%s %.*s\",\n", types[i][1], (int)exported->hostport.length,
                           exported->hostport.text);
    return NULL;
}

/* A host keeps its proxies, so that a session stays on one; the next two are for when that fails. */
void pxt_end_pac(struct pxt_export *export, struct pxt_out *out)
{
    (void)export;
    pxt_out_text(out, "];\n\nfunction FindProxyForURL(url, host) {\n    var hash = 0, chosen = [], i;\n"
                      "    for (i = 0; i < host.length; i++)\n"
                      "        hash = (hash * 31 + host.charCodeAt(i)) % 2147483647;\n"
                      "    for (i = 0; i < 3 && i < proxies.length; i++)\n"
                      "        chosen.push(proxies[(hash + i) % proxies.length]);\n"
                      "    chosen.push(\"DIRECT\");\n    return chosen.join(\"; \");\n}\n");
}
