/* SPDX-License-Identifier: MIT
 *
 * The record that a durable tier stores beside its entries: what is written is read again, and nothing else is believed.
 */
#include "../lib/tap.h"
#include "shared/record.h"
#include <sys/stat.h>
#include <unistd.h>

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "ffffffffffffffffffffffffffffffff"
#define HEAD "proxtier-record 1\n"
#define CANDIDATE "proxtier-record 1-rc\n"
#define BODY "id " ID_A "\ncheckpoint 5\ndropped 4\nmark 6\npage /p\n"
#define MEMBER_A "member " ID_A " 0 l2\n"

static struct pxt_record full_record(void)
{
    struct pxt_record record = {.id = ID_A, .checkpoint = INT64_MAX, .dropped = 1, .mark = UINT64_MAX};
    snprintf(record.page, sizeof record.page, "/a folder/100%%\nof it \xc3\xa9");
    record.member_count = 2;
    record.member[0] = (struct pxt_record_member){.id = ID_A, .name = "l2"};
    record.member[1] = (struct pxt_record_member){.id = ID_B, .name = "the slow one", .complete = true};
    return record;
}

static bool same(const struct pxt_record *a, const struct pxt_record *b)
{
    bool same = !strcmp(a->id, b->id) && a->checkpoint == b->checkpoint && a->dropped == b->dropped &&
                a->mark == b->mark && !strcmp(a->page, b->page) && a->member_count == b->member_count;
    for (unsigned i = 0; same && i < a->member_count; i++)
        same = !strcmp(a->member[i].id, b->member[i].id) && !strcmp(a->member[i].name, b->member[i].name) &&
               a->member[i].complete == b->member[i].complete;
    return same;
}

static void what_is_written_is_read(void)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record record = full_record(), again;
    is_int(pxt_record_write(&record, text, NULL), PXT_OK, "a record is written");
    ok(!strncmp(text, HEAD, strlen(HEAD)), "its first line is the format");
    is_int(pxt_record_read(&again, text, "l2", NULL), PXT_OK, "it is read");
    ok(same(&record, &again), "and is the same");
    is_int(pxt_record_new(&record, NULL), PXT_OK, "a new record");
    is_int(pxt_record_new(&again, NULL), PXT_OK, "and another one");
    ok(strcmp(record.id, again.id) != 0, "have different ids");
    is_int(pxt_record_write(&record, text, NULL), PXT_OK, "a new one is written");
    is_int(pxt_record_read(&again, text, "l2", NULL), PXT_OK, "and read");
    ok(same(&record, &again) && !again.checkpoint && !*again.page && !again.member_count, "it is empty");
}

/* Any text that was cut off might have lost a member. */
static void a_record_that_was_cut_off_is_damaged(void)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record record = full_record(), again;
    unsigned wrong = 0;
    pxt_record_write(&record, text, NULL);
    for (size_t length = strlen(text); length-- > 0;) {
        text[length] = '\0';
        wrong += pxt_record_read(&again, text, "l2", NULL) == PXT_OK;
    }
    is_int(wrong, 0, "at no length is a part taken for a record");
}

/* Each byte is changed to several others; the sanitizers watch. */
static void a_damaged_byte_is_read_within_bounds(void)
{
    static const char bytes[] = "\n %0fz\xff";
    char text[PXT_RECORD_MAX + 1], again[PXT_RECORD_MAX + 1];
    struct pxt_record record = full_record(), got;
    unsigned odd = 0;
    pxt_record_write(&record, text, NULL);
    for (size_t i = 0; text[i]; i++)
        for (size_t n = 0; n + 1 < sizeof bytes; n++) {
            char old = text[i];
            text[i] = bytes[n];
            pxt_status status = pxt_record_read(&got, text, "l2", NULL);
            odd += status != PXT_OK && status != PXT_ECORRUPT && status != PXT_ECONFIG;
            odd += status == PXT_OK && pxt_record_write(&got, again, NULL) != PXT_OK;
            text[i] = old;
        }
    is_int(odd, 0, "it is read, refused as damaged or of another format, and what is read can be written");
}

static void the_candidate_is_read_and_written_anew(void)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record record = full_record(), again;
    pxt_record_write(&record, text, NULL);
    is_int(pxt_record_read(&again, text, "l2", NULL), PXT_OK, "a record of this format is read");
    ok(!again.outdated, "and need not be written");
    is_int(pxt_record_read(&again, CANDIDATE BODY MEMBER_A "end\n", "l2", NULL), PXT_OK,
           "one of the candidate is read");
    ok(again.outdated, "and is to be written anew");
    is_int(again.checkpoint == 5 && again.dropped == 4 && again.mark == 6 && again.member_count == 1, 1,
           "it has all values");
    pxt_record_write(&again, text, NULL);
    is_str(text, HEAD BODY MEMBER_A "end\n", "what is written has this format");
}

static void other_texts_are_refused(void)
{
    static const struct {
        const char *text;
        pxt_status status;
        const char *what;
    } cases[] = {
        {HEAD BODY "end\n", PXT_OK, "a record without members"},
        {HEAD BODY MEMBER_A "end\n", PXT_OK, "a record with one"},
        {HEAD BODY "later thing\nend\n", PXT_OK, "an unknown name is passed over"},
        {"", PXT_ECORRUPT, "no text"},
        {"something else\n", PXT_ECORRUPT, "another text"},
        {"proxtier-record 2\nwhatever\n", PXT_ECONFIG, "another format"},
        {"proxtier-record 1-\n" BODY "end\n", PXT_ECONFIG, "a format that begins alike"},
        {"proxtier-record 1-rc.2\n" BODY "end\n", PXT_ECONFIG, "a format that is longer"},
        {"proxtier-record 1", PXT_ECORRUPT, "half a first line"},
        {HEAD BODY, PXT_ECORRUPT, "no last line"},
        {HEAD BODY "end\nmore 1\n", PXT_ECORRUPT, "lines behind the last"},
        {HEAD "end\n", PXT_ECORRUPT, "nothing in it"},
        {HEAD "id " ID_A "\ncheckpoint 5\ndropped 4\npage /p\nend\n", PXT_ECORRUPT, "a name is missing"},
        {HEAD BODY "mark 6\nend\n", PXT_ECORRUPT, "a name twice"},
        {HEAD BODY MEMBER_A MEMBER_A "end\n", PXT_ECORRUPT, "a member twice"},
        {HEAD BODY "member " ID_A " 2 l2\nend\n", PXT_ECORRUPT, "a flag that is none"},
        {HEAD BODY "member " ID_A "\nend\n", PXT_ECORRUPT, "half a member"},
        {HEAD BODY "member " ID_A " \nend\n", PXT_ECORRUPT, "half a member with a blank"},
        {HEAD BODY "member x 0 l2\nend\n", PXT_ECORRUPT, "a short id"},
        {HEAD BODY "alone\nend\n", PXT_ECORRUPT, "a line without a value"},
        {HEAD "id " ID_A "\ncheckpoint -5\ndropped 4\nmark 6\npage /p\nend\n", PXT_ECORRUPT, "a negative number"},
        {HEAD "id " ID_A "\ncheckpoint 18446744073709551616\ndropped 4\nmark 6\npage /p\nend\n", PXT_ECORRUPT,
         "a number of 65 bits"},
        {HEAD "id " ID_A "\ncheckpoint \ndropped 4\nmark 6\npage /p\nend\n", PXT_ECORRUPT, "no number"},
        {HEAD "id 0123\ncheckpoint 5\ndropped 4\nmark 6\npage /p\nend\n", PXT_ECORRUPT, "an id that is too short"},
        {HEAD "id " ID_A "\ncheckpoint 5\ndropped 4\nmark 6\npage /p%\nend\n", PXT_ECORRUPT, "half an escape"},
        {HEAD "id " ID_A "\ncheckpoint 5\ndropped 4\nmark 6\npage /p%00\nend\n", PXT_ECORRUPT, "an escaped NUL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pxt_record record;
        struct pxt_error error = {.message = "l2"};
        is_int(pxt_record_read(&record, cases[i].text, "l2", &error), cases[i].status, "%s", cases[i].what);
        if (cases[i].status)
            ok(strstr(error.message, "l2") != NULL, "... the message names the tier");
    }
}

static void what_does_not_fit_is_refused(void)
{
    struct pxt_record record = full_record(), again;
    char text[PXT_RECORD_MAX + 1], *many = calloc(1, 2 * PXT_RECORD_MAX);
    memset(record.page, 'p', sizeof record.page - 1);
    record.member_count = PXT_CHAIN_MAX;
    for (unsigned i = 0; i < PXT_CHAIN_MAX; i++) {
        snprintf(record.member[i].id, sizeof record.member[i].id, "%032x", i);
        memset(record.member[i].name, 'n', sizeof record.member[i].name - 1);
    }
    is_int(pxt_record_write(&record, text, NULL), PXT_OK, "the longest path and names fit");
    is_int(pxt_record_read(&again, text, "l2", NULL), PXT_OK, "and are read");
    ok(same(&record, &again), "in full");
    char *member = strstr(text, "member ");
    memmove(strstr(text, "end\n"), "member " ID_B " 0 l9\nend\n", sizeof "member " ID_B " 0 l9\nend\n");
    is_int(member ? pxt_record_read(&again, text, "l2", NULL) : PXT_OK, PXT_ECORRUPT, "one member more is refused");
    memset(record.page, '\n', sizeof record.page - 1);
    is_int(pxt_record_write(&record, text, NULL), PXT_EINVAL, "a text that is too long is not written");
    record = full_record();
    record.member[1].id[3] = 'X';
    is_int(pxt_record_write(&record, text, NULL), PXT_EINVAL, "nor an id that is none");
    memset(many, 'x', PXT_RECORD_MAX + 1);
    is_int(pxt_record_read(&again, many, "l2", NULL), PXT_ECORRUPT, "a text that is too long is not read");
    snprintf(text, sizeof text, HEAD "id " ID_A "\ncheckpoint 5\ndropped 4\nmark 6\npage %02100d\nend\n", 0);
    is_int(pxt_record_read(&again, text, "l2", NULL), PXT_ECORRUPT, "nor a path that is too long");
    free(many);
}

static void a_file_keeps_it(void)
{
    char folder[] = "/tmp/proxtier-record-XXXXXX", store[60], file[80], text[PXT_RECORD_MAX + 1];
    struct stat stat_of;
    struct pxt_error error = {.message = ""};
    if (!mkdtemp(folder))
        exit(1);
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.record", store);
    is_int(pxt_record_file_get(store, text, &error), PXT_NOT_FOUND, "at first there is none");
    is_int(pxt_record_file_put(store, HEAD, &error), PXT_OK, "a text is put");
    is_int(pxt_record_file_put(store, HEAD BODY, &error), PXT_OK, "and replaced");
    is_int(pxt_record_file_get(store, text, &error), PXT_OK, "and got");
    is_str(text, HEAD BODY, "... as it is");
    ok(!stat(file, &stat_of) && (stat_of.st_mode & 0777) == 0600, "the file is private");
    chmod(file, 0622);
    is_int(pxt_record_file_get(store, text, &error), PXT_EACCES, "one that others can write is refused");
    chmod(file, 0600);
    ok(!truncate(file, PXT_RECORD_MAX + 1), "a file that is too long");
    is_int(pxt_record_file_get(store, text, &error), PXT_ECORRUPT, "is damaged");
    ok(!truncate(file, 10) && !truncate(file, 20), "a file with NULs");
    is_int(pxt_record_file_get(store, text, &error), PXT_ECORRUPT, "is damaged");
    ok(strstr(error.message, file) != NULL, "the message names the file");
    is_int(pxt_record_file_put(store, HEAD, &error), PXT_OK, "it can be replaced");
    unlink(file);
    ok(!mkdir(file, 0700), "a folder in its place");
    ok(pxt_record_file_put(store, HEAD, &error) != PXT_OK, "cannot be replaced: %s", error.message);
    rmdir(file);
    is_int(rmdir(folder), 0, "no other file is left");
    is_int(pxt_record_file_put(store, HEAD, &error), PXT_EIO, "without a folder it cannot be put: %s", error.message);
}

int main(void)
{
    what_is_written_is_read();
    a_record_that_was_cut_off_is_damaged();
    a_damaged_byte_is_read_within_bounds();
    the_candidate_is_read_and_written_anew();
    other_texts_are_refused();
    what_does_not_fit_is_refused();
    a_file_keeps_it();
    return tap_done();
}
