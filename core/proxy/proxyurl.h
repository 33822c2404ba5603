/* SPDX-License-Identifier: MIT
 *
 * proxyurl.h: one proxy in any of the written forms, taken apart.
 */
#ifndef PXT_PROXYURL_H
#define PXT_PROXYURL_H

#include <proxtier/entry.h>

#define PXT_URL_MAX 300 /* scheme://host:port: a host name has at most 253 bytes */

/* A proxy taken apart. `url` is canonical: lower-case scheme and host, `scheme://host:port`, IPv6 in brackets. */
struct pxt_proxy {
    char url[PXT_URL_MAX + 1];
    char scheme[16];
    uint16_t port;
    bool has_username, has_password;
    bool touched;   /* there may be a part of a credential below */
    bool ambiguous; /* a line of four fields could be read the other way round too */
    uint16_t username_length, password_length;
    char username[PXT_SECRET_MAX + 1]; /* decoded; wiped by pxt_proxy_wipe() */
    char password[PXT_SECRET_MAX + 1];
};
/*
 * Parses `text` strictly as a URL with an explicit scheme and port (what proxy_url holds), splitting credentials:
 * `scheme://[user[:pass]@]host:port[/]`. PXT_EINVAL says what is wrong, never quoting anything before an `@`.
 */
pxt_status pxt_proxy_parse_url(const char *text, size_t length, struct pxt_proxy *out, struct pxt_error *error);
/* Parses any of the line forms of lists (host:port, user:pass@host:port, host:port:user:pass, ...), see
 * proxtier-import(5). `default_scheme` for forms without one. `column` (may be NULL) receives where it is wrong,
 * from 1. */
pxt_status pxt_proxy_parse_line(const char *text, size_t length, const char *default_scheme, struct pxt_proxy *out,
                                size_t *column, struct pxt_error *error);
/* The key: SHA-256 of the URL, or of scheme://user@host:port where there is a user name. */
void pxt_proxy_key(const struct pxt_proxy *proxy, char out[17]);
/* Another user name than the URL's. At most PXT_SECRET_MAX bytes. */
void pxt_proxy_set_username(struct pxt_proxy *proxy, const char *text, size_t length);
/* Refuses a credential that no URL can have: too long, or with a control character, which would end a line of what a
 * program sends to the proxy. PXT_EINVAL names the field and the byte. */
pxt_status pxt_credential_check(const char *field, const char *text, size_t length, struct pxt_error *error);
/* Completes the credentials of a draft from its URL, and refuses those that a URL could not have. An empty credential
 * means absent. PXT_EINVAL as above. */
pxt_status pxt_draft_take_credentials(struct pxt_draft *draft, const struct pxt_proxy *proxy, struct pxt_error *error);
/* Wipes the credentials; `proxy` was filled, or its first use failed. */
void pxt_proxy_wipe(struct pxt_proxy *proxy);

#endif
