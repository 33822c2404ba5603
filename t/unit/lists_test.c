/* SPDX-License-Identifier: MIT
 *
 * The readers of lists hand over records and refusals with their places, without any cache.
 */
#include "../lib/tap.h"
#include "base/gcrypt_start.h"
#include "base/key.h"
#include "lists/digest_set.h"
#include "lists/list.h"
#include <sys/resource.h>
#include <zlib.h>

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

static pxt_status take(void *arg, struct pxt_list_record *record)
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
static void survives_bytes(enum pxt_list_format format, const char *text, size_t length)
{
    char copy[1000];
    struct pxt_error error;
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

static void survives(enum pxt_list_format format, const char *text)
{
    survives_bytes(format, text, strlen(text));
}

/* The same list in gzip and in UTF-16. */
static void survives_in_disguise(const char *text)
{
    char wide[800];
    unsigned char packed[800];
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        wide[2 * i] = text[i];
        wide[2 * i + 1] = '\0';
    }
    survives_bytes(PXT_LIST_AUTO, wide, 2 * length);
    z_stream zlib = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)length, .next_out = packed};
    zlib.avail_out = sizeof packed;
    is_int(deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK, "gzip");
    is_int(deflate(&zlib, Z_FINISH), Z_STREAM_END, "... of a list");
    survives_bytes(PXT_LIST_AUTO, (const char *)packed, sizeof packed - zlib.avail_out);
    deflateEnd(&zlib);
}

/* A key of its own for each number. */
static struct pxt_key key_of(unsigned i, char text[24])
{
    struct pxt_key key;
    if (i % 2)
        pxt_key_digest((const char *)&i, sizeof i, text);
    else
        snprintf(text, 24, "key-%u", i);
    pxt_key_init(&key, text, strlen(text));
    return key;
}

static void digests(void)
{
    struct pxt_digest_set set = {.seeded = false};
    unsigned keys = (unsigned)tap_amount(300000), new_again = 0, old_at_first = 0;
    size_t worst = 0;
    char text[24];
    bool seen;
    for (unsigned i = 0; i < keys; i++) {
        struct pxt_key key = key_of(i, text);
        old_at_first += !pxt_digest_set_add(&set, &key, &seen) || seen;
        if (i < 20000 || i % 1000)
            continue;
        size_t bytes = sizeof set;
        for (size_t part = 0; part < PXT_DIGEST_PARTS; part++)
            bytes += set.part[part].capacity * sizeof *set.part[part].slot + 16;
        worst = bytes * 10 / (i + 1) > worst ? bytes * 10 / (i + 1) : worst;
    }
    for (unsigned i = 0; i < keys; i++) {
        struct pxt_key key = key_of(i, text);
        new_again += !pxt_digest_set_add(&set, &key, &seen) || !seen;
    }
    is_int(old_at_first, 0, "no key is taken for another");
    is_int(new_again, 0, "every key is known the second time");
    ok(worst <= 160, "a key takes at most 16 bytes (%zu.%zu)", worst / 10, worst % 10);
    struct pxt_key zero;
    pxt_key_init(&zero, "0000000000000000", 16);
    pxt_digest_set_add(&set, &zero, &seen);
    pxt_digest_set_add(&set, &zero, &seen);
    ok(seen, "a key of zeros");
    pxt_digest_set_free(&set);
}

/* A document that is made while it is read: COUNT records of 1 KiB. */
struct document {
    unsigned at;
};
enum { RECORDS = 60000, RECORD = 1024 };

static ssize_t read_document(void *cookie, char *buffer, size_t size)
{
    struct document *document = cookie;
    if (document->at > RECORDS || size < 2 * RECORD)
        return 0;
    if (document->at++ == RECORDS)
        return (ssize_t)(stpcpy(buffer, "]}") - buffer);
    return snprintf(buffer, size, "%s{\"host\": \"h%u\", \"port\": 1, \"remark\": \"%0900u\"}\n",
                    document->at == 1 ? "{\"proxies\": [" : ",", document->at, 7u);
}

static pxt_status count(void *arg, struct pxt_list_record *record)
{
    (void)record;
    ++*(unsigned *)arg;
    return PXT_OK;
}

/* Kilobytes. */
static long memory_peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void long_documents(void)
{
    struct document document = {0};
    struct pxt_error error;
    unsigned records = 0;
    FILE *stream = fopencookie(&document, "r", (cookie_io_functions_t){.read = read_document});
    struct pxt_list list = {
        .stream = stream, .path = "x", .error = &error, .take = count, .refuse = refuse, .arg = &records};
    setvbuf(stream, NULL, _IOFBF, 4096);
    long before = memory_peak();
    is_int(pxt_list_read(&list, PXT_LIST_JSON), PXT_OK, "a long document");
    long grown = memory_peak() - before;
    is_int(records, RECORDS, "... all its records");
    ok(list.read > 50 * 1000000, "... of %llu MB", (unsigned long long)list.read / 1000000);
#ifdef __SANITIZE_ADDRESS__
    (void)grown;
    skip("a sanitizer keeps freed memory");
#else
    if (getenv("PXT_SLOW"))
        skip("valgrind keeps freed memory");
    else
        ok(grown < 8192, "... is not held in memory (%ld KiB)", grown);
#endif
    fclose(stream);
}

int main(void)
{
    static const char json[] =
        "{\"proxies\": [{\"ip\": \"h\", \"port\": 1, \"types\": [{\"type\": \"HTTP\"}], \"user\": \"u\"}, "
        "\"h:2\", {\"host\": \"::1\", \"port\": \"3\", \"username_encrypted\": \"00ff\"}]}";
    static const char csv[] = "ip,port,type,user\nh,1,socks5,\"a\"\"b\"\n,,,\n";
    pxt_gcrypt_start(NULL);
    reads("a.txt", "h:1\n\n# SOCKS5 proxies\nh:2\r\n", "1:h:1;4:h:2 socks5;", "text: lines, and a comment's scheme");
    reads("-", "h:1\n", "1:h:1;", "anything else is text");
    reads("-", "\xef\xbb\xbf \n[\"h:1\", {\"port\": 1}, 7]", "2:h:1;2:9 refused;2:22 refused;",
          "a bracket behind a byte order mark is JSON");
    reads("a.json", json, "1:h:1 http! user=u;1:h:2;1:[::1]:3 token of 2;", "JSON: an object that contains an array");
    reads("a.json", "{\"proxies\": {\"socks4\": [\"h:1\"], \"http\": [\"h:2\"]}}", "1:h:1 socks4;1:h:2 http;",
          "JSON: by scheme");
    reads("a.json", "{\"data\": {\"n\": [[1], {\"a\": [2]}]}, \"results\": [[[\"h:3\"]], 7, null,\n\"h:2\"]}",
          "1:17 refused;1:22 refused;1:48 refused;1:59 refused;1:62 refused;2:h:2;",
          "JSON: lists within lists are refused");
    reads("a.json", "{\"url\": \"h:1\", \"data\": {\"n\": 1}, \"x\": [{\"y\": 1.5}, true], \"user\": \"u\"} behind",
          "1:h:1 user=u;", "JSON: an object that is a record");
    reads("a.json", "[]", "", "JSON: an empty array");
    reads("-", "{\"url\": \"h:1\"}\nbroken\n{\"url\": \"h:2\"}\n", "1:h:1;2:1 refused;3:h:2;", "a brace is JSONL");
    reads("a.csv", csv, "2:h:1 socks5! user=a\"b;3:1 refused;", "CSV");
    refuses_all("a.json", "[{\"url\": \"h:1\"},\n }]", "a.json:2:");
    refuses_all("a.json", "[\"h:1\" \"h:2\"]", "a.json:1:8: malformed JSON: a comma or ] is expected");
    refuses_all("a.json", "[\"h:1\",", "a.json:1:8: malformed JSON: it ends too early");
    refuses_all("a.json", "{\"proxies\" [", "a.json:1:12: malformed JSON: a colon is expected");
    refuses_all("a.json", " 7 ", "an array of proxies, or an object with one, is expected");
    reads("a.json", "\n", "", "nothing but blanks is an empty list in every format");
    refuses_all("a.csv", "a,b\n1,2\n", "a.csv:1:1: the header names neither");
    survives(PXT_LIST_TEXT, "http://u:p@h:1\n# HTTP proxies\nsocks5 h 1 u p\n");
    survives(PXT_LIST_JSON, json);
    survives(PXT_LIST_JSONL, "{\"url\": \"h:1\", \"password_encrypted\": \"00ff\", \"username_base64\": "
                             "\"cOlzcw==\"}\n{\"access_count\": 7}\n");
    survives(PXT_LIST_CSV, csv);
    survives(PXT_LIST_YAML, "a: [b, {c: d}]\nproxies:\n  - {type: http, server: h, port: 1, tls: true}\n  - name: x\n"
                            "    server: \"::1\"\n    port: 2\n    country: {code: IT}\n  - socks5://h:3\n");
    survives(PXT_LIST_PROXYCHAINS, "strict_chain\n[ProxyList]\n# x\nsocks5 h 1 u p\n");
    survives_in_disguise("http://u:p@h:1\nsocks5 h 1 u p\r\n{\"url\": \"h:1\"}\n");
    survives(PXT_LIST_AUTO,
             "[{\"ip\": \"h\", \"port\": 1, \"geo\": {\"country\": {\"code\": \"it\"}, \"city\": \"x\\u0001\"}, "
             "\"latency\": -0.5, \"success_rate\": 1e3, \"total_checks\": 99999999999999999999}]");
    struct told told = {.stop_after = 2};
    struct pxt_error error;
    is_int(read_text(&told, PXT_LIST_TEXT, "x", "h:1\nh:2\nh:3\n", 12, &error), PXT_ENOSPC,
           "a failing receiver ends it");
    is_int(told.records, 2, "... at once");
    digests();
    long_documents();
    return tap_done();
}
