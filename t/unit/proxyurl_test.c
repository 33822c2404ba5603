/* SPDX-License-Identifier: MIT
 *
 * The forms in which lists write a proxy; what is refused; and that no message tells a credential.
 */
#include "proxy/proxyurl.h"
#include "../lib/tap.h"
#include <proxtier/cache.h>

static struct pxt_proxy proxy;

static void reads(const char *line, const char *url, const char *user, const char *password)
{
    struct pxt_error error = {.message = ""};
    pxt_status status = pxt_proxy_parse_line(line, strlen(line), "http", &proxy, NULL, &error);
    bool same = !status && !strcmp(proxy.url, url) && !strcmp(proxy.username, user ? user : "") &&
                !strcmp(proxy.password, password ? password : "") && proxy.has_username == (user != NULL) &&
                proxy.has_password == (password != NULL);
    if (!ok(same, "%s", line))
        diag("%s %s user=%s password=%s", error.message, proxy.url, proxy.username, proxy.password);
}

static void refuses(const char *line, const char *why)
{
    struct pxt_error error = {.message = ""};
    ok(pxt_proxy_parse_line(line, strlen(line), "http", &proxy, NULL, &error) == PXT_EINVAL, "refused: %s (%s)", why,
       error.message);
    ok(!strstr(error.message, "hunter2"), "... and the message tells no credential");
}

int main(void)
{
    char key[17], other[17];
    struct pxt_error error;
    reads("192.0.2.1:8080", "http://192.0.2.1:8080", NULL, NULL);
    reads("  \"Proxy.Example.COM:3128\",", "http://proxy.example.com:3128", NULL, NULL);
    reads("[2001:DB8::1]:8080", "http://[2001:db8::1]:8080", NULL, NULL);
    reads("SOCKS5://h:1080/", "socks5://h:1080", NULL, NULL);
    reads("http://u:p@h:1", "http://h:1", "u", "p");
    reads("http://u%40s:p%3Aa%2F@h:1", "http://h:1", "u@s", "p:a/");
    reads("http://u:100%@h:1", "http://h:1", "u", "100%");
    reads("http://u:p@ss@h:1", "http://h:1", "u", "p@ss");
    reads("http://session-1@h:1", "http://h:1", "session-1", NULL);
    reads("u:p@h:1", "http://h:1", "u", "p");
    reads("h:8080:u:p:with:colons", "http://h:8080", "u", "p:with:colons");
    reads("u:p:h:8080", "http://h:8080", "u", "p");
    reads("socks5 192.0.2.1 1080", "socks5://192.0.2.1:1080", NULL, NULL);
    reads("http\t192.0.2.1\t8080 user pass", "http://192.0.2.1:8080", "user", "pass");
    reads("h:8080@u:p", "http://h:8080", "u", "p");
    reads("socks5:h:1080:u:p", "socks5://h:1080", "u", "p");
    reads("socks4:h:1080", "socks4://h:1080", NULL, NULL);
    reads("my_host.example:1;", "http://my_host.example:1", NULL, NULL);
    refuses("", "nothing");
    refuses("192.0.2.1", "no port");
    refuses("192.0.2.1:0", "port 0");
    refuses("192.0.2.1:65536", "port 65536");
    refuses("192.0.2.256:80", "an octet of 256");
    refuses("1.2.3:80", "an IPv4 address cut short");
    refuses("0x7f.1:80", "a hexadecimal address");
    refuses("2001:db8::1:8080", "IPv6 without brackets");
    refuses("[2001:db8::zz]:80", "IPv6 with a z");
    refuses("ftp://h:21", "a scheme of another kind");
    refuses("http://u:hunter2@h", "no port behind credentials");
    refuses("http://u:hunter2@h:80/path", "a path");
    refuses("http://u:hunter2@h:80?x=1", "a query");
    refuses("h:80:hunter2", "half of the credentials");
    refuses("-h:80", "a host name with a leading minus");
    refuses("a..b:80", "an empty label");
    refuses("h h:80", "a blank in the middle");
    refuses("http://u:hun\x01ter2@h:80", "a control character in a password");
    is_int(pxt_key_of_url("http://192.0.2.1:8080", NULL, key, &error), PXT_OK, "a key");
    is_str(key, "f3cf533718aa54f9", "first 16 hex digits of SHA-256 of the URL");
    pxt_key_of_url("HTTP://192.0.2.1:8080/", NULL, other, &error);
    is_str(other, key, "the same for another way to write it");
    pxt_key_of_url("http://192.0.2.1:8080", "session-1", other, &error);
    ok(strcmp(other, key), "another one with a user name");
    is_int(pxt_key_of_url("nonsense", NULL, key, &error), PXT_EINVAL, "what is no URL has none");
    return tap_done();
}
