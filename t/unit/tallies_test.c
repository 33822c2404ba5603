/* SPDX-License-Identifier: MIT
 *
 * Checks are counted apart for each writer, none is lost, and the totals are their sums.
 */
#include "../lib/tap.h"
#include "entry/tallies.h"

static struct pxt_draft draft;
static char room[PXT_TALLIES_ROOM];

static void start(const char *text, int64_t checks, int64_t failures)
{
    pxt_draft_init(&draft);
    if (text)
        pxt_draft_set_text(&draft, PXT_FIELD_TALLIES, text, strlen(text));
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, checks);
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, failures);
}

static void draft_says(const char *text, int64_t checks, int64_t failures, const char *what)
{
    const struct pxt_value *value = &draft.value[PXT_FIELD_TALLIES];
    char got[PXT_TALLIES_ROOM] = "none";
    if (value->set) {
        memcpy(got, value->as.text, value->length);
        got[value->length] = '\0';
    }
    is_str(got, text ? text : "none", "%s", what);
    is_int(draft.value[PXT_FIELD_TOTAL_HEALTH_CHECKS].as.number, checks, "... checks in all");
    is_int(draft.value[PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES].as.number, failures, "... failures in all");
}

static void each_writer_counts_for_itself(void)
{
    start(NULL, 0, 0);
    pxt_tallies_add(&draft, "0000beef", true, room);
    draft_says("0000beef:1:1", 1, 1, "a first check");
    pxt_tallies_add(&draft, "00000001", false, room);
    pxt_tallies_add(&draft, "0000beef", false, room);
    draft_says("00000001:1:0;0000beef:2:1", 3, 1, "two writers, in the order of their names");
    pxt_tallies_add(&draft, "ffffffff", true, room);
    draft_says("00000001:1:0;0000beef:2:1;ffffffff:1:1", 4, 2, "the last name there is");
    pxt_tallies_add(&draft, "00000000", true, room);
    draft_says("00000000:1:1;00000001:1:0;0000beef:2:1;ffffffff:1:1", 5, 3, "the first name there is");
}

static void what_nobody_counted_is_kept_apart(void)
{
    start(NULL, 7, 3);
    pxt_tallies_add(&draft, "0000beef", true, room);
    draft_says("0:7:3;0000beef:1:1", 8, 4, "totals from before there were tallies");
    start("0000beef:2:1", 5, 2);
    pxt_tallies_add(&draft, "0000beef", false, room);
    draft_says("0:3:1;0000beef:3:1", 6, 2, "totals that another program raised");
    start(NULL, 7, 3);
    pxt_tallies_add(&draft, "", true, room);
    draft_says(NULL, 8, 4, "a check without a writer, and no other: the totals say it all");
    start("0000beef:2:1", 2, 1);
    pxt_tallies_add(&draft, "", true, room);
    draft_says("0:1:1;0000beef:2:1", 3, 2, "a check without a writer beside another's");
    start("0000beef:2:1", 2, 1);
    pxt_tallies_add(&draft, "0000BEEFS", false, room);
    draft_says("0:1:0;0000beef:2:1", 3, 1, "what is no name is nobody's");
}

static void garbage_is_nobodys(void)
{
    static const char *const texts[] = {"",
                                        ";;",
                                        ":",
                                        "0000beef",
                                        "0000beef:",
                                        "0000beef:1",
                                        "0000beef:1:",
                                        "0000beef::1",
                                        "0000beef:1:0:",
                                        "0000BEEF:1:0",
                                        "beef:1:0",
                                        "0000beef:1:2",
                                        "0000beef:-1:0",
                                        "0000beef:9007199254740992:0",
                                        "0000beef:99999999999999999999999:0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        start(texts[i], 4, 2);
        pxt_tallies_add(&draft, "00000001", false, room);
        draft_says("0:4:2;00000001:1:0", 5, 2, texts[i]);
    }
    start("x;0000beef:2:1;;0000beef:1:1;00000001:1:1;", 4, 2);
    pxt_tallies_add(&draft, "00000001", false, room);
    draft_says("0:1:0;00000001:2:1;0000beef:2:1", 5, 2, "what is good among garbage, and a name that is there twice");
}

static void counts_stop_at_their_bound(void)
{
    start("0000beef:9007199254740991:9007199254740991;00000001:9007199254740991:0", PXT_COUNT_MAX, PXT_COUNT_MAX);
    pxt_tallies_add(&draft, "0000beef", true, room);
    draft_says("00000001:9007199254740991:0;0000beef:9007199254740991:9007199254740991", PXT_COUNT_MAX, PXT_COUNT_MAX,
               "counts and totals stop at their bound");
}

/* Each writer has `each` checks, half of them failed. */
static void no_check_is_lost_for_want_of_room(int writers, int each)
{
    char writer[9];
    start(NULL, 11, 1);
    for (int n = 0; n < each; n++)
        for (int i = 0; i < writers; i++) {
            snprintf(writer, sizeof writer, "%08x", (unsigned)i);
            pxt_tallies_add(&draft, writer, n % 2, room);
        }
    ok(draft.value[PXT_FIELD_TALLIES].length <= PXT_TEXT_MAX, "%d writers: the text is one that an entry may have",
       writers);
    ok(draft.value[PXT_FIELD_TALLIES].length > PXT_TEXT_MAX - 100, "... and its room is used");
    is_int(draft.value[PXT_FIELD_TOTAL_HEALTH_CHECKS].as.number, 11 + writers * each, "... no check is lost");
    is_int(draft.value[PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES].as.number, 1 + writers * each / 2, "... and no failure");
}

int main(void)
{
    each_writer_counts_for_itself();
    what_nobody_counted_is_kept_apart();
    garbage_is_nobodys();
    counts_stop_at_their_bound();
    no_check_is_lost_for_want_of_room(400, 4);
    no_check_is_lost_for_want_of_room(1000, 2);
    return tap_done();
}
