/* SPDX-License-Identifier: MIT
 *
 * The readers of lists hand over records and refusals with their places, without any cache.
 */
#include "../lib/tap.h"
#include "lists/list.h"

/* Everything that a reader said, one line each. */
struct told {
    char text[4000];
    size_t length;
    unsigned records, stop_after;
};

static void say(struct told *told, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(told->text + told->length, sizeof told->text - told->length, format, args);
    va_end(args);
    told->length += n > 0 ? (size_t)n : 0;
}

static pxt_status take(void *arg, struct pxt_record *record)
{
    struct told *told = arg;
    const struct pxt_value *user = &record->draft.value[PXT_FIELD_USERNAME];
    say(told, "%llu:%.*s", (unsigned long long)record->line, (int)record->url_length, record->url);
    if (record->scheme)
        say(told, " %s%s", record->scheme, record->scheme_is_own ? "!" : "");
    if (user->set && user->sealed)
        say(told, " token of %zu", user->length);
    else if (user->set)
        say(told, " user=%.*s", (int)user->length, user->as.text);
    say(told, ";");
    return ++told->records == told->stop_after ? PXT_ENOSPC : PXT_OK;
}

static void refuse(void *arg, uint64_t line, uint64_t column, const char *reason)
{
    (void)reason;
    say(arg, "%llu:%llu refused;", (unsigned long long)line, (unsigned long long)column);
}

static pxt_status read_text(struct told *told, enum pxt_list_format format, const char *path, const char *text,
                            size_t length, struct pxt_error *error)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, length, "r");
    struct pxt_list list = {
        .stream = stream, .path = path, .error = error, .take = take, .refuse = refuse, .arg = told};
    pxt_status status = pxt_list_read(&list, format);
    fclose(stream);
    return status;
}

static void reads(const char *path, const char *text, const char *want, const char *name)
{
    struct told told = {.length = 0};
    struct pxt_error error = {.message = ""};
    is_int(read_text(&told, PXT_LIST_AUTO, path, text, strlen(text), &error), PXT_OK, "%s", name);
    is_str(told.text, want, "... its records");
}

static void refuses_all(const char *path, const char *text, const char *want)
{
    struct told told = {.length = 0};
    struct pxt_error error = {.message = ""};
    pxt_status status = read_text(&told, PXT_LIST_AUTO, path, text, strlen(text), &error);
    if (!ok(status == PXT_EINVAL && strstr(error.message, want), "%s", want))
        diag("got: %s", error.message);
}

/* No cut or changed byte of a list makes a reader crash or read what is not there; sanitizers and valgrind look on. */
static void survives(enum pxt_list_format format, const char *text)
{
    char copy[1000];
    struct pxt_error error;
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        for (int change = 0; change < 3; change++) {
            struct told told = {.length = 0};
            memcpy(copy, text, length);
            copy[i] = change == 0 ? '\0' : change == 1 ? (char)(copy[i] ^ 0x80) : '"';
            read_text(&told, format, "x", copy, length, &error);
            if (i)
                read_text(&told, format, "x", copy, i, &error);
        }
    ok(1, "format %d: every cut and 3 changes of every byte", (int)format);
}

int main(void)
{
    static const char json[] =
        "{\"proxies\": [{\"ip\": \"h\", \"port\": 1, \"types\": [{\"type\": \"HTTP\"}], \"user\": \"u\"}, "
        "\"h:2\", {\"host\": \"::1\", \"port\": \"3\", \"username_encrypted\": \"00ff\"}]}";
    static const char csv[] = "ip,port,type,user\nh,1,socks5,\"a\"\"b\"\n,,,\n";
    reads("a.txt", "h:1\n\n# SOCKS5 proxies\nh:2\r\n", "1:h:1;4:h:2 socks5;", "text: lines, and a comment's scheme");
    reads("-", "h:1\n", "1:h:1;", "anything else is text");
    reads("-", "\xef\xbb\xbf \n[\"h:1\", {\"port\": 1}, 7]", "1:h:1;2:1 refused;3:1 refused;",
          "a bracket behind a byte order mark is JSON");
    reads("a.json", json, "1:h:1 HTTP! user=u;2:h:2;3:[::1]:3 token of 2;", "JSON: an object that contains an array");
    reads("a.json", "{\"proxies\": {\"socks4\": [\"h:1\"], \"http\": [\"h:2\"]}}", "1:h:1 socks4;1:h:2 http;",
          "JSON: by scheme");
    reads("-", "{\"url\": \"h:1\"}\nbroken\n{\"url\": \"h:2\"}\n", "1:h:1;2:1 refused;3:h:2;", "a brace is JSONL");
    reads("a.csv", csv, "2:h:1 socks5! user=a\"b;3:1 refused;", "CSV");
    refuses_all("a.json", "[{\"url\": \"h:1\"},\n }]", "a.json:2:");
    refuses_all("a.csv", "a,b\n1,2\n", "a.csv:1:1: the header names neither");
    survives(PXT_LIST_TEXT, "http://u:p@h:1\n# HTTP proxies\nsocks5 h 1 u p\n");
    survives(PXT_LIST_JSON, json);
    survives(PXT_LIST_JSONL, "{\"url\": \"h:1\", \"password_encrypted\": \"00ff\"}\n{\"access_count\": 7}\n");
    survives(PXT_LIST_CSV, csv);
    struct told told = {.stop_after = 2};
    struct pxt_error error;
    is_int(read_text(&told, PXT_LIST_TEXT, "x", "h:1\nh:2\nh:3\n", 12, &error), PXT_ENOSPC,
           "a failing receiver ends it");
    is_int(told.records, 2, "... at once");
    return tap_done();
}
