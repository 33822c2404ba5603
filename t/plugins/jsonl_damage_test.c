/* SPDX-License-Identifier: MIT
 *
 * Damaged lines of l2_jsonl cost neither other entries nor time, and their bytes are never lost.
 */
#include "../lib/jsonl_kit.h"
#include <stdint.h>

#define DAMAGED(key) "{\"key\": \"" key "\", \"sour}\n"

static void make_log(const char *place, const char *text)
{
    kit_open(place, "", 0);
    kit_put("made", 1); /* makes the folder and the log */
    kit_write(kit.log, "w", text, strlen(text));
    kit_close();
}

/* Bytes that this process has read so far. */
static long long bytes_read(void)
{
    long long bytes = -1;
    FILE *file = fopen("/proc/self/io", "r");
    if (!file)
        return -1;
    if (fscanf(file, "rchar: %lld", &bytes) != 1)
        bytes = -1;
    fclose(file);
    return bytes;
}

static void a_full_tier_with_two_damaged_lines_goes_on(void)
{
    make_log("full", DAMAGED("b1") DAMAGED("b2"));
    kit_open("full", "", 2);
    pxt_entry *entry = NULL;
    alarm(20);
    pxt_status status = kit.ops->victim(kit.self, 0, &entry, &kit.error);
    alarm(0);
    is_int(status, PXT_NOT_FOUND, "choosing a victim among two damaged lines ends");
    is_int(kit_count(), 0, "damaged lines are no entries");
    is_int(kit.ops->corruptions(kit.self), 2, "each damaged line is counted once");
    is_int(kit.warnings, 2, "and warned of once");
    is_int(kit_put("good", 7), PXT_OK, "a put is taken");
    is_int(kit_get("good"), 7, "and found");
    is_int(kit_get("b1"), -1, "a damaged line is a miss");
    is_int(kit.ops->corruptions(kit.self), 2, "which is not counted again");
    kit_close();
}

static void many_gets_pass_over_damaged_lines(void)
{
    enum { N = 6 };
    static const char *const texts[N] = {"good", "b1", "missing", "b2", "good", "other"};
    struct pxt_key key[N];
    const struct pxt_key *keys[N];
    pxt_entry *out[N];
    make_log("many", DAMAGED("b1") DAMAGED("b2"));
    kit_open("many", "", 100);
    kit_put("good", 7);
    kit_put("other", 8);
    for (int i = 0; i < N; i++) {
        key[i] = kit_key(texts[i]);
        keys[i] = &key[i];
    }
    for (int round = 0; round < 2; round++) {
        is_int(kit.ops->get_many(kit.self, keys, N, 0, out, &kit.error), PXT_OK, "many gets go on over damaged lines");
        ok(out[0] && out[4] && out[5] && !out[1] && !out[2] && !out[3], "and give the good ones, one twice");
        for (int i = 0; i < N; i++)
            pxt_entry_release(out[i]);
    }
    is_int(kit.ops->corruptions(kit.self), 2, "each damaged line is counted once");
    is_int(kit_get("good"), 7, "a get finds the same");
    kit_close();
}

/* Another process that adds a damaged line whenever this one finds one. */
static int supplied;
static void supply(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    char line[60];
    (void)arg, (void)level, (void)component, (void)message;
    kit.user.now += 120 * PXT_SECOND; /* the next warning is not suppressed */
    if (supplied == 500)
        return;
    snprintf(line, sizeof line, "{\"key\": \"s%d\", \"sour}\n", supplied++);
    kit_append(line);
}

static void a_victim_is_not_sought_for_ever(void)
{
    make_log("supply", DAMAGED("b1") DAMAGED("b2") DAMAGED("b3"));
    kit_open("supply", "", 2);
    kit.user.logger.fn = supply;
    pxt_entry *entry = NULL;
    is_int(kit.ops->victim(kit.self, 0, &entry, &kit.error), PXT_NOT_FOUND, "no victim among damaged lines");
    ok(supplied >= 3 && supplied < 10, "found although each brings another one: %d were looked at", supplied);
    kit_close();
}

static void damage_is_remembered_when_the_log_is_read_anew(void)
{
    size_t length;
    kit_open("anew", "", 0);
    kit_put("k1", 1);
    kit_append(DAMAGED("b1"));
    is_int(kit_get("b1"), -1, "a damaged line is a miss");
    char *text = kit_read(kit.log, &length);
    char *key = text ? strstr(text, "k1") : NULL;
    char *checksum = text ? strstr(text, ", \"crc32\"") : NULL;
    if (key && checksum) {
        key[1] = '2';
        memset(checksum, ' ', strcspn(checksum, "}"));
    }
    kit_write(kit.log, "r+", text, length);
    is_int(kit_get("k1"), -1, "a line is rewritten in place, so that the log is read anew");
    is_int(kit_get("k2"), 1, "... and its new key found");
    struct pxt_key damaged = kit_key("b1");
    is_int(kit.ops->contains(kit.self, &damaged, &kit.error), PXT_NOT_FOUND, "the damaged line does not count again");
    is_int(kit_get("b1"), -1, "it is a miss still");
    is_int(kit.ops->corruptions(kit.self), 1, "which was counted once");
    is_int(kit.warnings, 1, "and warned of once");
    free(text);
    kit_close();
}

static void a_get_of_a_damaged_line_does_not_read_the_log(void)
{
    char key[20];
    struct stat file;
    kit_open("reads", "", 0);
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        kit_put(key, i);
    }
    kit_append(DAMAGED("b1") DAMAGED("b2") DAMAGED("b3"));
    kit_get("k1");
    stat(kit.log, &file);
    long long before = bytes_read();
    int misses = 0;
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "b%d", i % 3 + 1);
        misses += kit_get(key) == -1;
    }
    is_int(misses, 300, "300 gets of damaged lines are misses");
    if (before < 0)
        skip("/proc/self/io is not there", "bytes read");
    else
        ok(bytes_read() - before < (long long)file.st_size, "they read less than the log once");
    is_int(kit.ops->corruptions(kit.self), 3, "three lines are counted");
    kit_close();
}

static void a_line_that_is_mended_in_place_is_found(void)
{
    size_t length;
    kit_open("mended", "", 0);
    kit_put("m", 5);
    kit_put("n", 6);
    char *text = kit_read(kit.log, &length);
    char *source = text ? strstr(text, "source") : NULL;
    if (source)
        *source = '\x01';
    kit_write(kit.log, "r+", text, length);
    is_int(kit_get("m"), -1, "a line that is damaged in place is a miss");
    is_int(kit_get("n"), 6, "its neighbour is not");
    if (source)
        *source = 's';
    kit_write(kit.log, "r+", text, length);
    kit_close();
    kit_open("mended", "", 0);
    is_int(kit_get("m"), 5, "mended, it is found again");
    kit_close();
    free(text);
}

static void many_damaged_lines_make_few_warnings(void)
{
    make_log("many", "");
    kit_open("many", "", 0);
    for (int i = 0; i < 1000; i++)
        kit_append("garbage\n");
    kit_put("good", 1);
    is_int(kit_get("good"), 1, "an entry behind 1000 damaged lines is found");
    is_int(kit.ops->corruptions(kit.self), 1000, "all of them are counted");
    ok(kit.warnings > 0 && kit.warnings <= 20, "%d warnings tell of them", kit.warnings);
    int before = kit.warnings;
    kit.user.now += 120 * PXT_SECOND;
    kit.ops->maintain(kit.self, &kit.error);
    is_int(kit.warnings, before + 1, "maintenance tells once how many warnings were left out");
    kit_close();
}

static void only_damaged_lines_are_put_aside(void)
{
    kit_open("aside", "", 0);
    kit_put("stays", 1);
    kit_put("leaves", 1);
    kit_delete("leaves");
    kit_append("garbage\n" DAMAGED("b1") "{\"deleted\": \"another\"}\n");
    kit_get("b1");
    for (int i = 0; i < 600; i++)
        kit_put("stays", i);
    is_int(kit.ops->maintain(kit.self, &kit.error), PXT_OK, "compaction");
    is_str(kit_quarantine(), "garbage\n" DAMAGED("b1"), "damaged lines are put aside, deletions and old lines are not");
    is_int(kit_get("stays"), 599, "the entry stays");
    kit_close();
    kit_open("aside", "", 0);
    is_int(kit_get("stays"), 599, "also in the new log");
    is_int(kit.ops->corruptions(kit.self), 0, "which has no damaged line");
    kit_close();
}

static void a_log_keeps_damaged_lines_that_cannot_be_put_aside(void)
{
    char path[300];
    size_t length;
    kit_open("kept", "", 0);
    snprintf(path, sizeof path, "%s/shard_00.bad", kit.folder);
    kit_append("garbage\n");
    mkdir(path, 0700); /* no file can be written there */
    for (int i = 0; i < 600; i++)
        kit_put("stays", i);
    is_int(kit.ops->maintain(kit.self, &kit.error) != PXT_OK, 1, "compaction fails if it cannot put lines aside");
    char *text = kit_read(kit.log, &length);
    ok(text && strstr(text, "garbage\n"), "the damaged line is still in the log");
    is_int(kit_get("stays"), 599, "the entry too");
    free(text);
    rmdir(path);
    kit_close();
}

int main(void)
{
    a_full_tier_with_two_damaged_lines_goes_on();
    many_gets_pass_over_damaged_lines();
    a_victim_is_not_sought_for_ever();
    damage_is_remembered_when_the_log_is_read_anew();
    a_get_of_a_damaged_line_does_not_read_the_log();
    a_line_that_is_mended_in_place_is_found();
    many_damaged_lines_make_few_warnings();
    only_damaged_lines_are_put_aside();
    a_log_keeps_damaged_lines_that_cannot_be_put_aside();
    return tap_done();
}
