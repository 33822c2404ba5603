/* SPDX-License-Identifier: MIT
 *
 * Each line that l2_jsonl writes has a checksum: a flipped bit is noticed and never makes one entry another. Lines
 * without a checksum, written by hand or by other programs, are welcome.
 */
#include "../lib/jsonl_kit.h"
#include <proxtier/proxtier.h>

static const char *const keys[] = {"1ab4c9daa096aec6", "gone", "omega"};
enum { KEYS = 3, GONE = 1 };

/* An entry of the untouched log with this key and count, which is its number here. */
static bool is_original(void *arg, pxt_entry *entry)
{
    unsigned *wrong = arg;
    pxt_entry *original = NULL;
    char got[2000], want[2000];
    for (int i = 0; i < KEYS && !original; i++)
        if (!strcmp(keys[i], pxt_entry_key(entry)))
            original = make_entry(&kit.user, keys[i], T0, i, T0, T0 + 3600 * PXT_SECOND);
    size_t length = kit.user.host.host.json_write(entry, got, sizeof got - 1);
    got[length < sizeof got ? length : 0] = '\0';
    length = original ? kit.user.host.host.json_write(original, want, sizeof want - 1) : 0;
    want[length] = '\0';
    if (strcmp(got, want)) {
        if (!*wrong)
            diag("%s", got);
        ++*wrong;
    }
    pxt_entry_release(original);
    return true;
}

static void replace_log(const char *text, size_t length)
{
    unlink(kit.log);
    kit_write(kit.log, "w", text, length);
}

static void no_flipped_bit_makes_another_entry(void)
{
    size_t length;
    unsigned wrong = 0, unnoticed = 0, lost = 0, back = 0;
    kit_open("flips", "", 0);
    kit_put(keys[GONE], GONE);
    kit_put(keys[2], 99); /* an older line of an entry */
    kit_delete(keys[GONE]);
    kit_put(keys[2], 2);
    kit_put(keys[0], 0);
    char *text = kit_read(kit.log, &length);
    for (size_t bit = 0; bit < length * 8; bit += getenv("PXT_SLOW") ? 61 : 1) {
        unsigned missing = 0;
        uint64_t before = kit.ops->corruptions(kit.self);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        replace_log(text, length);
        for (int i = 0; i < KEYS; i++) {
            int64_t count = kit_get(keys[i]);
            wrong += count != -1 && count != i;
            missing += i != GONE && count == -1;
            back += i == GONE && count != -1;
        }
        kit.ops->each(kit.self, is_original, &wrong, &kit.error);
        if (kit.ops->corruptions(kit.self) == before)
            kit_put("after", 1); /* a last line without its newline is found torn by the next writer */
        if (kit.ops->corruptions(kit.self) == before && !unnoticed++)
            diag("bit %zu of byte %zu", bit % 8, bit / 8);
        lost += missing > 1;
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    is_int(wrong, 0, "%zu bits flipped, one at a time: no entry is another", length * 8);
    is_int(unnoticed, 0, "each flip is noticed");
    is_int(lost, 0, "no flip costs more than one entry");
    is_int(back, 0, "no flip brings a deleted entry back");
    free(text);
    kit_close();
}

static void a_flip_in_a_log_in_use_is_noticed(void)
{
    size_t length;
    kit_open("in-use", "", 0);
    kit_put("a", 1);
    kit_put("b", 22);
    is_int(kit_get("a"), 1, "an entry is read");
    char *text = kit_read(kit.log, &length);
    char *count = text ? strstr(text, "\"access_count\": 1,") : NULL;
    if (count)
        count[sizeof "\"access_count\": " - 1] = '3';
    kit_write(kit.log, "r+", text, length);
    is_int(kit_get("a"), -1, "with another digit it is not, although the line is whole");
    is_int(kit_get("b"), 22, "its neighbour is");
    is_int(kit.ops->corruptions(kit.self), 1, "the damage is counted");
    is_int(kit_put("a", 4), PXT_OK, "the next put");
    is_int(kit_get("a"), 4, "repairs it");
    free(text);
    kit_close();
}

/* Writes the log's first line as other programs do, with sed. */
static void rewrite(const char *script)
{
    char command[1500];
    snprintf(command, sizeof command, "sed -e '%s' %s >%s.new && mv %s.new %s", script, kit.log, kit.log, kit.log,
             kit.log);
    if (system(command))
        diag("%s failed", command);
}

static void lines_without_a_checksum_are_welcome(void)
{
    static const struct {
        const char *script, *what;
        int64_t want;
    } edits[] = {
        {"s/, \"crc32\": \"[0-9a-f]*\"}/}/;s/\"access_count\": 7/\"access_count\": 8/", "without a checksum", 8},
        {"s/\": /\":/g;s/, \"/,\"/g;s/\"access_count\":7/\"access_count\":9/", "as jq writes it", 9},
        {"s/^{\\(.*\\)\\(, \"crc32\": \"[0-9a-f]*\"\\)}/{\"note\": 1, \\1}/", "with another member first", 7},
        {"s/$/\r/", "with CRLF", 7},
        {"s/$/ \t /", "with blanks at its end", 7},
        {"1s/^/\xef\xbb\xbf/", "behind a byte order mark", 7},
        {"1s/^/\xef\xbb\xbf/;s/, \"crc32\": \"[0-9a-f]*\"}/}/;s/: 7,/: 8,/;s/$/\r/", "as Notepad writes it", 8},
        {"s/$/\\x00/", "with a NUL at its end", -1},
        {"s/\"access_count\": 7/\"access_count\": 8/", "changed, with the checksum of before", -1}};
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char place[20];
        snprintf(place, sizeof place, "edited%zu", i);
        kit_open(place, "", 0);
        kit_put("k", 7);
        rewrite(edits[i].script);
        is_int(kit_get("k"), edits[i].want, "a line %s: %s", edits[i].what, edits[i].want < 0 ? "damaged" : "read");
        is_int(kit.ops->corruptions(kit.self), edits[i].want < 0, "... and counted so");
        if (i == sizeof edits / sizeof *edits - 1)
            ok(strstr(kit.last_warning, "remove the member crc32"), "... with a warning that says how to edit a line");
        is_int(kit_put("k2", 2), PXT_OK, "... and a put");
        is_int(kit_get("k2"), 2, "... is read behind it");
        kit_close();
    }
}

static void compaction_cleans_the_ends_of_lines(void)
{
    kit_open("ends", "", 0);
    kit_put("stays", 9);
    kit_put("changes", 1);
    rewrite("1s/^/\xef\xbb\xbf/;s/$/ \r/");
    for (int i = 0; i < 600; i++)
        kit_put("changes", i);
    is_int(kit.ops->maintain(kit.self, &kit.error), PXT_OK, "compaction of lines with CRLF");
    struct stat file;
    size_t length;
    char *text = kit_read(kit.log, &length);
    ok(text && *text == '{' && !strchr(text, '\r') && !strstr(text, " \n"), "writes them without blanks");
    ok(!stat(kit.log, &file) && file.st_size < 2000, "... and no line twice");
    is_int(kit_get("stays"), 9, "... the one");
    is_int(kit_get("changes"), 599, "... and the other are there");
    is_int(kit.ops->corruptions(kit.self), 0, "... and nothing is damaged");
    free(text);
    kit_close();
}

static bool log_has(const char *text)
{
    size_t length;
    char *log = kit_read(kit.log, &length);
    bool has = log && strstr(log, text);
    free(log);
    return has;
}

static void proxywhirl_sees_no_checksum(void)
{
    kit_open("compatible", "", 0);
    kit_put("a", 1);
    kit_put("b", 2);
    ok(log_has("\"crc32\": \""), "proxtier's own lines have checksums");
    kit_close();
    kit_open("compatible", ", compatible: proxywhirl", 0);
    is_int(kit_get("a"), 1, "a folder with them can become one of ProxyWhirl's");
    kit_delete("a");
    kit_put("c", 3);
    is_int(kit.ops->maintain(kit.self, &kit.error), PXT_OK, "compaction");
    ok(!log_has("crc32"), "no line there has one");
    is_int(kit_get("b"), 2, "the entries are there");
    is_int(kit_get("c"), 3, "all of them");
    kit_put("d", 4);
    kit_delete("c");
    ok(!log_has("crc32"), "no new line gets one, nor does a deletion");
    kit_close();
    kit_open("compatible", "", 0);
    ok(kit_count() == 2 && kit_get("b") == 2 && kit_get("d") == 4, "and back");
    is_int(kit.ops->corruptions(kit.self), 0, "nothing is damaged");
    kit_close();
}

static pxt_cache *open_chain(void)
{
    char text[600];
    pxt_cache *cache = NULL;
    struct pxt_error error;
    snprintf(text, sizeof text,
             "encryptor: {plugin: plain}\ntiers: [{plugin: l2_jsonl, shards: 1, dir: %s/chain}, {plugin: l3_sqlite, "
             "path: %s/chain.db}]",
             test_folder(), test_folder());
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void a_slower_tier_repairs_a_damaged_line(void)
{
    char log[300];
    size_t length;
    pxt_entry *entry = NULL;
    struct pxt_draft draft;
    struct pxt_error error;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_cache *cache = open_chain();
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "an entry in files and database");
    pxt_cache_close(cache);
    snprintf(log, sizeof log, "%s/chain/shard_00.jsonl", test_folder());
    char *text = kit_read(log, &length);
    char *url = text ? strstr(text, "192.0.2.1") : NULL;
    if (url)
        url[8] = '3';
    kit_write(log, "w", text, length);
    cache = open_chain();
    is_int(pxt_cache_get(cache, "k", &entry, &error), PXT_OK, "with its line damaged it is found");
    if (entry)
        pxt_entry_read(entry, &draft);
    is_str(entry ? draft.value[PXT_FIELD_PROXY_URL].as.text : "", "http://192.0.2.1:80", "as it was");
    pxt_entry_release(entry);
    pxt_cache_close(cache);
    free(text);
    text = kit_read(log, &length);
    unsigned lines = 0;
    for (char *at = text; at && (at = strstr(at, "\"http://192.0.2.1:80\"")); at++)
        lines++;
    is_int(lines, 1, "and its line is written again");
    free(text);
}

int main(void)
{
    no_flipped_bit_makes_another_entry();
    a_flip_in_a_log_in_use_is_noticed();
    lines_without_a_checksum_are_welcome();
    compaction_cleans_the_ends_of_lines();
    proxywhirl_sees_no_checksum();
    a_slower_tier_repairs_a_damaged_line();
    return tap_done();
}
