/* SPDX-License-Identifier: MIT
 *
 * proxyurl.c: takes a proxy's URL apart, and puts it together in its one canonical form. The forms that lists are
 * written in are in proxyline.c. No message repeats what may be a credential.
 */
#include "proxy/proxyurl.h"
#include "base/fail.h"
#include "base/gcrypt_start.h"
#include "base/key.h"
#include "proxy/proxyurl_parts.h"
#include <arpa/inet.h>
#include <proxtier/cache.h>
#include <stdio.h>
#include <string.h>

static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool pxt_scheme_set(struct pxt_proxy *out, const char *text, size_t length)
{
    if (!length || length >= sizeof out->scheme)
        return false;
    for (size_t i = 0; i < length; i++)
        out->scheme[i] = lower(text[i]);
    out->scheme[length] = '\0';
    for (const char *const *known = schemes; *known; known++)
        if (!strcmp(out->scheme, *known))
            return true;
    return false;
}

bool pxt_port_read(const char *text, size_t length, uint16_t *out)
{
    unsigned port = 0;
    if (!length || length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *out = (uint16_t)port;
    return port >= 1 && port <= 65535;
}

/* What looks like a number must be a whole IPv4 address: resolvers take 0x7f.1 and 127.1 for addresses too. */
static const char *check_ipv4(const char *host)
{
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1 ? NULL : "the IPv4 address is malformed";
}

static bool looks_numeric(const char *host)
{
    const char *last = strrchr(host, '.');
    last = last ? last + 1 : host;
    if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
        return true;
    return *last && strspn(last, "0123456789") == strlen(last);
}

/* RFC 1123 names, and the underscore that real names have. */
static const char *check_name(const char *host)
{
    size_t length = strlen(host), label = 0;
    if (length > 253)
        return "the host name is longer than 253 bytes";
    for (size_t i = 0; i < length; i++) {
        char c = host[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (c == '.') {
            if (!label || host[i - 1] == '-')
                return "the host name is malformed";
            label = 0;
            continue;
        }
        if ((unsigned char)c >= 0x80)
            return "the host name is an international one: give its ASCII form (xn--...), which `idn2 NAME` prints";
        if (!letter && (c != '-' || !label))
            return "the host name has a character that no host name has";
        if (++label > 63)
            return "a part of the host name is longer than 63 bytes";
    }
    return label && host[length - 1] != '-' ? NULL : "the host name is malformed";
}

static const char *set_ipv6(const char *text, size_t length, char *host)
{
    char address[64];
    struct in6_addr binary;
    if (length >= sizeof address)
        return "the IPv6 address is malformed";
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET6, address, &binary) != 1)
        return "the IPv6 address is malformed";
    inet_ntop(AF_INET6, &binary, address, sizeof address);
    snprintf(host, 70, "[%s]", address);
    return NULL;
}

/* scheme://host:port, on the way of every put: five times as fast as snprintf(). */
static void write_url(struct pxt_proxy *out, const char *host)
{
    char digits[5];
    unsigned n = 0, port = out->port;
    char *end = stpcpy(stpcpy(stpcpy(out->url, out->scheme), "://"), host); /* 15 + 3 + 257 at most */
    *end++ = ':';
    do {
        digits[n++] = (char)('0' + port % 10);
    } while (port /= 10);
    while (n)
        *end++ = digits[--n];
    *end = '\0';
}

const char *pxt_host_set(struct pxt_proxy *out, const char *text, size_t length, const char *port, size_t port_length)
{
    char host[256 + 2];
    const char *problem;
    if (!length)
        return "the host is missing";
    if (text[0] == '[') {
        if (text[length - 1] != ']')
            return "the bracket of the IPv6 address is not closed";
        problem = set_ipv6(text + 1, length - 2, host);
    } else {
        if (length > 254)
            return "the host name is longer than 253 bytes";
        for (size_t i = 0; i < length; i++)
            host[i] = lower(text[i]);
        if (length > 1 && host[length - 1] == '.')
            length--; /* the root's dot */
        host[length] = '\0';
        if (strlen(host) != length)
            return "the host has a NUL in it";
        problem = looks_numeric(host) ? check_ipv4(host) : check_name(host);
    }
    if (problem)
        return problem;
    if (!pxt_port_read(port, port_length, &out->port))
        return port_length ? "the port must be a number between 1 and 65535" : "the port is missing";
    write_url(out, host);
    return NULL;
}

/* ---- credentials ------------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Only where every % begins a valid escape was it encoded at all; otherwise it is taken as it stands. */
static bool encoded(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '%' && (i + 2 >= length || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0))
            return false;
    return true;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

pxt_status pxt_credential_check(const char *field, const char *text, size_t length, struct pxt_error *error)
{
    if (!text)
        return pxt_fail(error, PXT_EINVAL, 0, "%s is NULL: leave it unset if there is none", field);
    if (length > PXT_SECRET_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "%s must have at most %d bytes", field, PXT_SECRET_MAX);
    for (size_t i = 0; i < length; i++)
        if (is_control(text[i]))
            return pxt_fail(error, PXT_EINVAL, 0, "%s has a control character at byte %zu", field, i + 1);
    return PXT_OK;
}

static const char *set_credential(const char *text, size_t length, bool decode, char *out, uint16_t *out_length)
{
    size_t n = 0;
    decode = decode && encoded(text, length);
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (decode && c == '%') {
            c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
            i += 2;
        }
        if (n == PXT_SECRET_MAX)
            return "a credential is longer than 4096 bytes";
        if (is_control(c))
            return "a credential has a control character";
        out[n++] = c;
    }
    out[n] = '\0';
    *out_length = (uint16_t)n;
    return NULL;
}

const char *pxt_userinfo_set(struct pxt_proxy *out, const char *user, size_t user_length, const char *password,
                             size_t password_length, bool decode)
{
    out->touched = true;
    const char *problem = set_credential(user, user_length, decode, out->username, &out->username_length);
    out->has_username = user_length != 0;
    if (problem || !password)
        return problem;
    problem = set_credential(password, password_length, decode, out->password, &out->password_length);
    out->has_password = password_length != 0;
    return problem;
}

/* ---- the URL ---------------------------------------------------------------------------------------------------- */

static void clear(struct pxt_proxy *out)
{
    out->url[0] = out->scheme[0] = out->username[0] = out->password[0] = '\0';
    out->has_username = out->has_password = out->touched = false;
    out->username_length = out->password_length = 0;
    out->port = 0;
}

const char *pxt_authority_set(struct pxt_proxy *out, const char *text, size_t length, size_t *column)
{
    const char *end = text + length, *start = text;
    for (const char *at = text; at < end; at++)
        if (*at == '@')
            start = at + 1; /* the last one: passwords have unencoded ones */
    if (start > text) {
        const char *colon = memchr(text, ':', (size_t)(start - 1 - text));
        const char *user_end = colon ? colon : start - 1;
        const char *problem = pxt_userinfo_set(out, text, (size_t)(user_end - text), colon ? colon + 1 : NULL,
                                               colon ? (size_t)(start - 1 - colon - 1) : 0, true);
        if (problem)
            return problem;
    }
    if (column)
        *column += (size_t)(start - text);
    if (end > start && end[-1] == '/')
        end--;
    if (memchr(start, '/', (size_t)(end - start)) || memchr(start, '?', (size_t)(end - start)) ||
        memchr(start, '#', (size_t)(end - start)))
        return "a proxy's URL has no path, query or fragment";
    const char *host_end = start < end && *start == '[' ? memchr(start, ']', (size_t)(end - start)) : start;
    if (!host_end)
        return "the bracket of the IPv6 address is not closed";
    const char *colon = memchr(host_end, ':', (size_t)(end - host_end));
    if (!colon)
        return "the port is missing";
    if (*start != '[' && memchr(colon + 1, ':', (size_t)(end - colon - 1)))
        return "an IPv6 address needs brackets: [2001:db8::1]:8080";
    return pxt_host_set(out, start, (size_t)(colon - start), colon + 1, (size_t)(end - colon - 1));
}

const char *pxt_url_set(struct pxt_proxy *out, const char *text, size_t length, size_t *column)
{
    clear(out);
    const char *mark = length > 3 ? memmem(text, length, "://", 3) : NULL;
    if (!mark)
        return "a URL such as http://host:port is expected";
    if (!pxt_scheme_set(out, text, (size_t)(mark - text)))
        return "the scheme must be http, https, socks4, socks4a, socks5 or socks5h";
    if (column)
        *column += (size_t)(mark + 3 - text);
    return pxt_authority_set(out, mark + 3, length - (size_t)(mark + 3 - text), column);
}

pxt_status pxt_proxy_parse_url(const char *text, size_t length, struct pxt_proxy *out, struct pxt_error *error)
{
    const char *problem = memchr(text, '\0', length) ? "it has a NUL in it" : pxt_url_set(out, text, length, NULL);
    if (!problem)
        return PXT_OK;
    pxt_proxy_wipe(out);
    return pxt_fail(error, PXT_EINVAL, 0, "proxy_url: %s", problem);
}

void pxt_proxy_key(const struct pxt_proxy *proxy, char out[17])
{
    char identity[PXT_URL_MAX + PXT_SECRET_MAX + 8];
    const char *host = strstr(proxy->url, "://") + 3;
    int length = proxy->has_username ? snprintf(identity, sizeof identity, "%s://%.*s@%s", proxy->scheme,
                                                (int)proxy->username_length, proxy->username, host)
                                     : snprintf(identity, sizeof identity, "%s", proxy->url);
    pxt_key_digest(identity, (size_t)length, out);
    explicit_bzero(identity, (size_t)length + 1); /* the rest was never written, and is 4 KB long */
}

void pxt_proxy_wipe(struct pxt_proxy *proxy)
{
    if (proxy->touched)
        explicit_bzero(proxy, sizeof *proxy);
}

void pxt_proxy_set_username(struct pxt_proxy *proxy, const char *text, size_t length)
{
    proxy->touched = true;
    memmove(proxy->username, text, length);
    proxy->username[length] = '\0';
    proxy->username_length = (uint16_t)length;
    proxy->has_username = length != 0;
}

pxt_status pxt_draft_take_credentials(struct pxt_draft *draft, const struct pxt_proxy *proxy, struct pxt_error *error)
{
    struct pxt_value *username = &draft->value[PXT_FIELD_USERNAME], *password = &draft->value[PXT_FIELD_PASSWORD];
    if (!username->length) /* an empty credential means absent: `http://user:@host:1` */
        pxt_draft_unset(draft, PXT_FIELD_USERNAME);
    if (!password->length)
        pxt_draft_unset(draft, PXT_FIELD_PASSWORD);
    if (proxy->has_username && !username->set)
        pxt_draft_set_text(draft, PXT_FIELD_USERNAME, proxy->username, proxy->username_length);
    if (proxy->has_password && !password->set)
        pxt_draft_set_text(draft, PXT_FIELD_PASSWORD, proxy->password, proxy->password_length);
    pxt_status status = username->set && !username->sealed
                            ? pxt_credential_check("username", username->as.text, username->length, error)
                            : PXT_OK;
    if (!status && password->set && !password->sealed)
        status = pxt_credential_check("password", password->as.text, password->length, error);
    return status;
}

pxt_status pxt_key_of_url(const char *url, const char *username, char out[17], struct pxt_error *error)
{
    struct pxt_proxy proxy;
    const char *problem = NULL;
    if (!url || !out)
        return pxt_fail(error, PXT_EINVAL, 0, "url and out must not be NULL");
    pxt_status status = pxt_gcrypt_start(error);
    if (!status)
        status = pxt_proxy_parse_url(url, strlen(url), &proxy, error);
    if (status)
        return status;
    if (username)
        problem = pxt_userinfo_set(&proxy, username, strlen(username), NULL, 0, false);
    if (!problem)
        pxt_proxy_key(&proxy, out);
    pxt_proxy_wipe(&proxy);
    return problem ? pxt_fail(error, PXT_EINVAL, 0, "username: %s", problem) : PXT_OK;
}
