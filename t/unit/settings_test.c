/* SPDX-License-Identifier: MIT
 *
 * Values are typed and bounded by the declared options; a typo gets a hint.
 */
#include "base/didyoumean.h"
#include "base/fail.h"
#include "settings/settings.h"
#include "../lib/tap.h"
#include <stdlib.h>

static const struct pxt_option table[] = {
    {"max_entries", PXT_OPTION_INTEGER, "10", 1, 1000, NULL, ""},
    {"ttl", PXT_OPTION_DURATION, "1h", 60 * PXT_SECOND, 86400 * PXT_SECOND, NULL, ""},
    {"most", PXT_OPTION_INTEGER, "unlimited", 0, 0, "unlimited", ""},
    {"room", PXT_OPTION_SIZE, NULL, 0, 0, NULL, ""},
    {"on", PXT_OPTION_BOOL, "false", 0, 0, NULL, ""},
    {"mode", PXT_OPTION_CHOICE, "fast", 0, 0, "fast|safe", ""},
    {"where", PXT_OPTION_PATH, NULL, 0, 0, NULL, ""},
    {"country", PXT_OPTION_TEXT, NULL, 0, 0, NULL, ""},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status read_yaml(const char *yaml, struct pxt_settings **settings, struct pxt_error *error)
{
    struct pxt_yaml_node *tree = NULL;
    pxt_status status = pxt_yaml_read_text(yaml, strlen(yaml), "f.yaml", &tree, error);
    if (!status)
        status = pxt_settings_read(table, tree, NULL, "it", settings, error);
    pxt_yaml_free(tree);
    return status;
}

static void refuses(const char *yaml, const char *want)
{
    struct pxt_error error = {.message = ""};
    struct pxt_settings *settings = NULL;
    pxt_status status = read_yaml(yaml, &settings, &error);
    if (!ok(status == PXT_ECONFIG && strstr(error.message, want), "%s", want))
        diag("got: %s", error.message);
}

static void pairs(void)
{
    struct pxt_error error = {.message = ""};
    struct pxt_settings *settings = NULL;
    is_int(pxt_settings_read_pairs(table, " ttl=15m, where=/a}b #c,country='x,y=z' ,mode=", "it", &settings, &error),
           PXT_OK, "options on one line");
    is_int(pxt_settings_number(settings, "ttl"), 900 * PXT_SECOND, "... are typed by the table");
    is_str(pxt_settings_text(settings, "where"), "/a}b #c", "... nothing in a value is special");
    is_str(pxt_settings_text(settings, "country"), "x,y=z", "... a quoted one may have commas");
    is_str(pxt_settings_text(settings, "mode"), "fast", "... an empty one keeps the default");
    pxt_settings_free(settings);
    static const struct {
        const char *pairs, *want;
    } wrong[] = {{"tll=1h", "unknown option \"tll\" of it (did you mean \"ttl\"?)"},
                 {"ttl=soon", "options: ttl is \"soon\": a time such as"},
                 {"ttl=1h,ttl=2h", "\"ttl\" is given twice"},
                 {"ttl", "NAME=VALUE is expected at \"ttl\""},
                 {"country='x", "the quote of country is not closed"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pxt_status status = pxt_settings_read_pairs(table, wrong[i].pairs, "it", &settings, &error);
        if (!ok(status == PXT_ECONFIG && strstr(error.message, wrong[i].want), "%s", wrong[i].want))
            diag("got: %s", error.message);
    }
}

int main(void)
{
    struct pxt_error error;
    struct pxt_settings *settings = NULL;
    char text[40];
    setenv("HOME", "/home/someone", 1);
    is_int(read_yaml("{ttl: 15m, room: 64KiB, on: true, mode: safe, where: ~/x, country: no}", &settings, &error),
           PXT_OK, "all types");
    is_int(pxt_settings_number(settings, "ttl"), 900 * PXT_SECOND, "15m");
    is_int(pxt_settings_number(settings, "room"), 65536, "64KiB");
    is_int(pxt_settings_number(settings, "on"), 1, "true");
    is_str(pxt_settings_text(settings, "mode"), "safe", "a choice");
    is_str(pxt_settings_text(settings, "where"), "/home/someone/x", "a path under the home folder");
    is_str(pxt_settings_text(settings, "country"), "no", "no stays text");
    is_int(pxt_settings_number(settings, "max_entries"), 10, "a default");
    is_int(pxt_settings_number(settings, "most"), -1, "a word instead of a number");
    ok(!pxt_settings_given(settings, "max_entries") && pxt_settings_given(settings, "ttl"), "given or not");
    pxt_settings_free(settings);
    refuses("{max_entires: 5}", "f.yaml:1:2: unknown option \"max_entires\" of it (did you mean \"max_entries\"?)");
    refuses("{zzz: 5}", "f.yaml:1:2: unknown option \"zzz\" of it");
    refuses("{max_entries: 0}", "f.yaml:1:15: 0 is out of bounds: max_entries must be between 1 and 1000");
    refuses("{ttl: 5s}", "ttl must be between 1m and 1d");
    refuses("{ttl: soon}", "ttl is \"soon\": a time such as 90s, 15m, 1h or 7d is expected");
    refuses("{ttl: 99999999999999999999h}", "a time such as");
    refuses("{on: yes}", "on is \"yes\": true or false is expected");
    refuses("{mode: slow}", "slow is not one of fast|safe for mode");
    refuses("{max_entries: [1]}", "not a list or map");
    refuses("[1]", "options of it are expected as NAME: VALUE");
    refuses("{most: many}", "most is \"many\": a whole number such as 1000, or unlimited is expected");
    pairs();
    pxt_settings_write_quantity(7200 * PXT_SECOND, PXT_OPTION_DURATION, text, sizeof text);
    is_str(text, "2h", "the largest unit that fits");
    pxt_settings_write_quantity(90 * PXT_SECOND, PXT_OPTION_DURATION, text, sizeof text);
    is_str(text, "90s", "... and no larger");
    pxt_settings_write_quantity(1 << 20, PXT_OPTION_SIZE, text, sizeof text);
    is_str(text, "1MiB", "a size");
    is_int(pxt_word_distance("max_entires", "max_entries"), 1, "two letters changed places: one step");
    return tap_done();
}
