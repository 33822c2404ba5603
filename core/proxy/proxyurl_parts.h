/* SPDX-License-Identifier: MIT
 *
 * proxyurl_parts.h: the pieces of a proxy's address, for proxyurl.c and proxyline.c. Each setter returns NULL, or what
 * is wrong as a text that quotes nothing.
 */
#ifndef PXT_PROXYURL_PARTS_H
#define PXT_PROXYURL_PARTS_H

#include "proxy/proxyurl.h"

bool pxt_scheme_set(struct pxt_proxy *out, const char *text, size_t length);
bool pxt_port_read(const char *text, size_t length, uint16_t *out);
/* The scheme must be set; sets host, port and url. */
const char *pxt_host_set(struct pxt_proxy *out, const char *text, size_t length, const char *port, size_t port_length);
/* `decode`: %XX escapes are decoded where all of them are valid. */
const char *pxt_userinfo_set(struct pxt_proxy *out, const char *user, size_t user_length, const char *password,
                             size_t password_length, bool decode);
/* [user[:password]@]host:port[/] */
const char *pxt_authority_set(struct pxt_proxy *out, const char *text, size_t length, size_t *column);
const char *pxt_url_set(struct pxt_proxy *out, const char *text, size_t length, size_t *column);

#endif
