/* SPDX-License-Identifier: MIT
 *
 * export_formats.c: the table of formats. Writers, checks, help, manual, completions and errors are made from it.
 */
#include "lists/export.h"
#include <string.h>

#define FORMAT(name, help)                                                                                             \
    {                                                                                                                  \
        sizeof(struct pxt_export_format), name, help                                                                   \
    }
#define EVERYTHING                                                                                                     \
    (PXT_CARRY_SCHEMES | PXT_CARRY_NAMES | PXT_CARRY_CREDENTIALS | PXT_CARRY_BLANKS | PXT_CARRY_PASSWORD |             \
     PXT_CARRY_CONTROL | PXT_CARRY_COLONS | PXT_CARRY_LONG_SOCKS)
/* What a URL has: control characters would be refused in it. */
#define A_URL (EVERYTHING & ~(unsigned)PXT_CARRY_CONTROL)
/* URLs of programs that connect themselves. */
#define A_USED_URL (A_URL & ~(unsigned)PXT_CARRY_LONG_SOCKS)
#define PLAIN(name, help, flags, bare, full)                                                                           \
    {                                                                                                                  \
        FORMAT(name, help), flags, 0, pxt_write_plain, NULL, NULL, bare, full                                          \
    }
#define FIELDS (A_URL & ~(unsigned)PXT_CARRY_COLONS)

static const struct pxt_export_row rows[] = {
    {FORMAT("jsonl", "one JSON object a line, with all fields"), EVERYTHING | PXT_CARRY_SEALED, 0, pxt_write_jsonl,
     NULL, NULL, NULL, NULL},
    {FORMAT("json", "an array of the same objects"), EVERYTHING | PXT_CARRY_SEALED, 0, pxt_write_json, pxt_begin_json,
     pxt_end_json, NULL, NULL},
    {FORMAT("csv", "a table with a header and all fields"), EVERYTHING | PXT_CARRY_SEALED, 0, pxt_write_csv,
     pxt_begin_csv, NULL, NULL, NULL},
    PLAIN("url", "scheme://user:password@host:port", A_URL, "{url}", "{url}"),
    PLAIN("hostport", "host:port", A_URL & ~(unsigned)PXT_CARRY_CREDENTIALS, "{hostport}", "{hostport}"),
    PLAIN("userpass-at-hostport", "user:password@host:port, percent-encoded", A_URL, "{hostport}",
          "{username|percent}:{password|percent}@{hostport}"),
    PLAIN("hostport-userpass", "host:port:user:password", FIELDS, "{hostport}", "{hostport}:{username}:{password}"),
    PLAIN("userpass-hostport", "user:password:host:port", FIELDS, "{hostport}", "{username}:{password}:{hostport}"),
    PLAIN("hostport-at-userpass", "host:port@user:password", FIELDS, "{hostport}", "{hostport}@{username}:{password}"),
    PLAIN("scheme-hostport-userpass", "scheme:host:port:user:password", FIELDS, "{scheme}:{hostport}",
          "{scheme}:{hostport}:{username}:{password}"),
    {FORMAT("curl", "a configuration for curl -K; of several proxies curl takes the last"), A_USED_URL, 0,
     pxt_write_curl, NULL, NULL, NULL, NULL},
    {FORMAT("env", "lines http_proxy=URL, https_proxy, all_proxy, and in capitals"), A_USED_URL, 0, pxt_write_env, NULL,
     NULL, NULL, NULL},
    {FORMAT("proxychains", "a proxychains.conf that takes a random proxy"),
     PXT_CARRY_HTTP | PXT_CARRY_SOCKS4 | PXT_CARRY_SOCKS5 | PXT_CARRY_CREDENTIALS, 512, pxt_write_proxychains,
     pxt_begin_proxychains, NULL, NULL, NULL},
    {FORMAT("squid", "lines cache_peer of squid.conf"),
     PXT_CARRY_HTTP | PXT_CARRY_HTTPS | PXT_CARRY_NAMES | PXT_CARRY_CREDENTIALS | PXT_CARRY_BLANKS, 0, pxt_write_squid,
     NULL, pxt_end_squid, NULL, NULL},
    {FORMAT("haproxy", "a backend of HAProxy with a server line for each proxy"), PXT_CARRY_HTTP | PXT_CARRY_NAMES, 0,
     pxt_write_haproxy, pxt_begin_haproxy, NULL, NULL, NULL},
    {FORMAT("3proxy", "lines parent of 3proxy.cfg"),
     (PXT_CARRY_SCHEMES & ~(unsigned)PXT_CARRY_HTTPS) | PXT_CARRY_NAMES | PXT_CARRY_CREDENTIALS | PXT_CARRY_BLANKS,
     1000, pxt_write_3proxy, NULL, pxt_end_3proxy, NULL, NULL},
    {FORMAT("pac", "a proxy auto-configuration file for browsers"), PXT_CARRY_SCHEMES | PXT_CARRY_NAMES, 0,
     pxt_write_pac, pxt_begin_pac, pxt_end_pac, NULL, NULL}};
enum { ROWS = sizeof rows / sizeof *rows };

const struct pxt_export_format *pxt_export_format(size_t index)
{
    return index < ROWS ? &rows[index].format : NULL;
}

const struct pxt_export_row *pxt_export_row(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].format.name, name))
            return &rows[i];
    return NULL;
}

const struct pxt_export_row pxt_export_template_row = {
    FORMAT("template", ""), EVERYTHING, 0, pxt_write_template, NULL, NULL, NULL, NULL};
