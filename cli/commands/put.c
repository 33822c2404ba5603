/* SPDX-License-Identifier: MIT
 *
 * put.c: proxtier put URL
 */
#include "command.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The longest line: a password, a carriage return, and one byte more, which says that the line is too long. */
enum { EXIT_NO_INPUT = 66, LINE_ROOM = PXT_SECRET_MAX + 2 };

/* Reads the first line of a file, into memory that the caller wipes. -1, or an exit code with a message. */
static int read_password(const char *path, char line[LINE_ROOM], size_t *length)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!file) {
        fprintf(stderr, "proxtier: cannot open %s: %s\n", path, strerror(errno));
        return EXIT_NO_INPUT;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it in a buffer */
    *length = 0;
    for (int c; *length < LINE_ROOM && (c = getc(file)) != EOF && c != '\n';)
        line[(*length)++] = (char)c;
    if (*length && line[*length - 1] == '\r')
        --*length;
    if (file != stdin)
        fclose(file);
    if (*length <= PXT_SECRET_MAX)
        return -1;
    fprintf(stderr, "proxtier: %s: the password in the first line has more than %d bytes\n", path, PXT_SECRET_MAX);
    return EXIT_DATA;
}

static void set_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text)
{
    if (text)
        pxt_draft_set_text(draft, field, text, strlen(text));
}

/* Whether a URL has a part of a credential, and whether that is a password. An empty one is absent. */
static bool url_has_credentials(const char *url, bool *password)
{
    const char *start = strstr(url, "://"), *at = strrchr(url, '@');
    start = start ? start + 3 : url;
    const char *colon = at && at > start ? memchr(start, ':', (size_t)(at - start)) : NULL;
    *password = colon && colon + 1 < at;
    return *password || (at && at > start && colon != start);
}

/* The credentials of a proxy are given once. -1, or an exit code with a message. */
static int check_given_once(const struct invocation *invocation, const char *url)
{
    bool password, any = url_has_credentials(url, &password);
    const char *twice = any && option(invocation, "username")             ? "--username"
                        : password && option(invocation, "password-file") ? "--password-file"
                                                                          : NULL;
    return twice ? usage(invocation, "credentials both in the URL and by %s: give them once", twice) : -1;
}

static int put(const struct invocation *invocation, struct pxt_draft *draft)
{
    struct pxt_error error;
    char key[PXT_KEY_MAX + 1];
    pxt_cache *cache;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_put(cache, draft, key, &error);
    pxt_cache_close(cache);
    if (status)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("put", (struct result_value[]){{.text = key}});
    else
        puts(key);
    return finish_output(0);
}

int run_put(struct invocation *invocation)
{
    struct pxt_draft draft;
    char password[LINE_ROOM];
    size_t length = 0;
    int64_t ttl;
    char *url = invocation->arguments[0];
    const char *ttl_text = option(invocation, "ttl"), *file = option(invocation, "password-file");
    pxt_draft_init(&draft);
    char *copy = strdup(url);
    if (!copy)
        return 70;
    set_text(&draft, PXT_FIELD_PROXY_URL, copy);
    if (strchr(url, '@'))
        explicit_bzero(url, strlen(url)); /* other processes see the command line */
    set_text(&draft, PXT_FIELD_SOURCE, option(invocation, "source"));
    set_text(&draft, PXT_FIELD_KEY, option(invocation, "key"));
    set_text(&draft, PXT_FIELD_USERNAME, option(invocation, "username"));
    int code = check_given_once(invocation, copy);
    if (code < 0 && ttl_text && !read_seconds(ttl_text, &ttl))
        code = usage(invocation, "--ttl %s is no time such as 90s, 15m, 1h or 7d", ttl_text);
    else if (ttl_text)
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, ttl);
    if (code < 0 && file)
        code = read_password(file, password, &length);
    if (code < 0 && file)
        pxt_draft_set_text(&draft, PXT_FIELD_PASSWORD, password, length);
    if (code < 0)
        code = put(invocation, &draft);
    explicit_bzero(password, sizeof password);
    explicit_bzero(copy, strlen(copy));
    free(copy);
    return code;
}
