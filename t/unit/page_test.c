/* SPDX-License-Identifier: MIT
 *
 * What the page knows: doubts and generations of words, versions, members, the checkpoint.
 */
#include "../lib/tap.h"
#include "shared/page.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HASH = 12345, A = 1, B = 2, C = 4 };
static char folder[] = "/tmp/proxtier-page-XXXXXX";
static char store[100], file[120];
static pxt_time now;

static pxt_time told_time(void *arg)
{
    (void)arg;
    return now;
}
static const struct pxt_clock told = {.fn = told_time}, system_clock = {.fn = NULL};

static struct pxt_page *open_page(const char *path, const struct pxt_clock *clock)
{
    struct pxt_page *page = calloc(1, sizeof *page);
    struct pxt_error error;
    if (!page || pxt_page_open(page, path, 50, clock, &error)) {
        printf("Bail out! %s\n", page ? error.message : "no memory");
        exit(1);
    }
    return page;
}

static void close_page(struct pxt_page *page)
{
    pxt_page_close(page);
    pxt_page_close(page);
    free(page);
}

static void id_of(char id[PXT_MEMBER_ID + 1], unsigned number)
{
    snprintf(id, PXT_MEMBER_ID + 1, "%032x", number);
}

static int join(struct pxt_page *page, unsigned number, bool *joined)
{
    char id[PXT_MEMBER_ID + 1];
    id_of(id, number);
    return pxt_page_join(page, id, "l2", joined);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void a_change_sets_doubts_and_its_end_clears_them(void)
{
    struct pxt_page *page = open_page(store, &system_clock), *other = open_page(store, &system_clock);
    uint64_t before, first = pxt_word(page, HASH);
    uint32_t generation = pxt_generation(other, HASH);
    is_int(pxt_word_doubts(first), 0, "a new page has no doubts");
    uint64_t begun = pxt_word_begin(page, HASH, A | B, &before);
    ok(before == first, "the word before a change is told");
    ok(begun == pxt_word(other, HASH), "another process sees the new word");
    is_int(pxt_word_doubts(begun), A | B, "... with the doubts");
    ok(pxt_generation(other, HASH) != generation, "... and another generation");
    generation = pxt_generation(other, HASH);
    uint64_t end = pxt_word_end(page, HASH, begun, A);
    is_int(pxt_word_doubts(end), B, "the end clears what it names, and no more");
    ok(end == pxt_word(other, HASH) && pxt_generation(other, HASH) != generation, "... and raises the generation");
    ok(pxt_word(page, HASH + 1) == first, "the next word is as it was");
    end = pxt_word_end(page, HASH, pxt_word_begin(page, HASH, 0, NULL), B);
    is_int(pxt_word_doubts(end), 0, "a pass clears the rest");
    close_page(page);
    close_page(other);
}

static void a_word_that_changed_meanwhile_is_not_cleared(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    uint64_t begun = pxt_word_begin(page, HASH, A, NULL);
    pxt_words_doubt_all(page, C);
    uint64_t end = pxt_word_end(page, HASH, begun, A);
    is_int(pxt_word_doubts(end), A | C, "a doubt that was raised for all keys meanwhile: nothing is cleared");
    ok(end >> 8 != begun >> 8 && end == pxt_word(page, HASH), "but the generation is raised");
    begun = pxt_word_begin(page, HASH, A, NULL);
    pxt_words_doubt_all(page, A);
    is_int(pxt_word_doubts(pxt_word_end(page, HASH, begun, A | C)), A | C, "also if the doubt was set before");
    close_page(page);
}

static void notices_of_other_hosts(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    atomic_store(&page->authority, A);
    uint32_t generation = pxt_generation(page, HASH);
    uint64_t word = pxt_word(page, HASH);
    pxt_word_notice(page, HASH, B);
    is_int(pxt_word_doubts(pxt_word(page, HASH)), B, "a notice puts a member in doubt");
    ok(pxt_generation(page, HASH) != generation, "... and raises the generation");
    ok(pxt_word_noticed(word, pxt_word(page, HASH)), "it is all that has changed the word");
    is_int(pxt_word_notices(word, pxt_word(page, HASH)), 1, "once");
    ok(!pxt_word_noticed(word, word), "no notice is none");
    uint64_t begun = pxt_word_begin(page, HASH, A | B, NULL);
    ok(!pxt_word_noticed(word, begun), "a change is more than a notice");
    pxt_word_notice(page, HASH, B);
    pxt_word_notice(page, HASH, B);
    uint64_t end = pxt_word_end(page, HASH, begun, A | B);
    is_int(pxt_word_doubts(end), B, "a change under way clears the authority only");
    is_int(pxt_word_notices(begun, end), 2, "and can tell how many came");
    begun = pxt_word_begin(page, HASH, A | B, NULL);
    pxt_word_notice(page, HASH, 0);
    pxt_word_notice(page, HASH, 0);
    end = pxt_word_end(page, HASH, begun, A | B);
    is_int(pxt_word_doubts(end), 0, "notices without doubts, which come during a change, keep nobody in doubt");
    is_int(pxt_word_notices(begun, end), 2, "... and are counted too");
    begun = pxt_word_begin(page, HASH, A | B, NULL);
    pxt_word_notice(page, HASH, 0);
    pxt_word_notice(page, HASH, B);
    is_int(pxt_word_doubts(pxt_word_end(page, HASH, begun, A | B)), B, "one with doubts among them does");
    for (int i = 0; i < 4; i++) {
        bool doubts = i & 1;
        unsigned count = i & 2 ? PXT_NOTICES_MAX + 1 : PXT_NOTICES_MAX;
        begun = pxt_word_begin(page, HASH, A | B, NULL);
        for (unsigned n = 0; n < count; n++)
            pxt_word_notice(page, HASH, doubts ? B : 0);
        end = pxt_word_end(page, HASH, begun, A | B);
        is_int(pxt_word_doubts(end),
               count > PXT_NOTICES_MAX ? A | B
               : doubts                ? B
                                       : 0,
               "%u notices %s doubts: %s", count, doubts ? "with" : "without",
               count > PXT_NOTICES_MAX ? "too many to count, nothing is cleared" : "they are counted");
    }
    begun = pxt_word_begin(page, HASH, A | B, NULL);
    pxt_word_notice(page, HASH, B);
    pxt_words_doubt_all(page, A);
    is_int(pxt_word_doubts(pxt_word_end(page, HASH, begun, A | B)), A | B,
           "with a doubt for all keys, nothing is cleared");
    generation = pxt_generation(page, HASH + 1);
    pxt_words_notice_all(page, B);
    ok(pxt_generation(page, HASH + 1) != generation, "a notice of all keys concerns each word");
    generation = pxt_generation(page, HASH);
    pxt_page_forget(page);
    ok(pxt_generation(page, HASH) != generation, "what a process forgets has another generation");
    close_page(page);
}

static void a_generation_that_begins_again_is_no_notice(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    const uint64_t last = (uint64_t)UINT32_MAX << 8;
    atomic_store(&page->words[HASH % PXT_WORDS], last);
    uint64_t begun = pxt_word_begin(page, HASH, A, NULL);
    is_int(pxt_word_generation(begun), 0, "after 2^32 changes of a word its generation begins again");
    ok(!pxt_word_noticed(last, begun), "that is no notice");
    is_int(pxt_word_notices(last, begun), 0, "nor counted as one");
    atomic_store(&page->words[HASH % PXT_WORDS], last);
    pxt_word_notice(page, HASH, B);
    ok(pxt_word_noticed(last, pxt_word(page, HASH)), "a notice there is one");
    close_page(page);
}

static void all_words_can_be_doubted_and_counted(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    unsigned count = 7;
    is_int(pxt_words_doubted(page, 0xff, &count), 0, "no word is in doubt");
    is_int(count, 0, "... which makes 0");
    pxt_word_begin(page, 1, A, NULL);
    pxt_word_begin(page, PXT_WORDS - 1, B, NULL);
    pxt_word_begin(page, 2 * PXT_WORDS - 1, B, NULL);
    is_int(pxt_words_doubted(page, B, &count), A | B, "the doubts of all words are told");
    is_int(count, 1, "words with one of the doubts asked for are counted, once each");
    uint32_t generation = pxt_generation(page, 77);
    pxt_words_doubt_all(page, C);
    is_int(pxt_words_doubted(page, C, &count), A | B | C, "after all were doubted");
    is_int(count, PXT_WORDS, "all are counted");
    ok(pxt_generation(page, 77) != generation, "and have another generation");
    close_page(page);
}

/* ---- versions --------------------------------------------------------------------------------------------------- */

static void versions_follow_the_clock_and_what_was_learnt(void)
{
    struct pxt_page *page = open_page(NULL, &told);
    char writer[9];
    pxt_page_writer(page, writer);
    now = 1000 * PXT_SECOND;
    uint64_t first = pxt_version_next(page, 0), low = strtoul(writer, NULL, 16) & 2047;
    ok(first == ((uint64_t)now << 11 | low), "a version is the time and the number of the writer");
    ok(pxt_version_next(page, 0) > first, "in the same microsecond the next one is greater");
    now -= PXT_SECOND;
    uint64_t back = pxt_version_next(page, 0);
    ok(back > first, "also if the clock was set back");
    is_int(back & 2047, low, "the writer stays");
    uint64_t above = (uint64_t)(now + 5 * PXT_SECOND) << 11 | 2047;
    ok(pxt_version_next(page, above) > above, "it is greater than any version asked for");
    uint64_t ahead = (uint64_t)(now + 10 * PXT_SECOND) << 11;
    page->max_skew = 10 * PXT_SECOND;
    ok(pxt_version_learn(page, ahead), "a version that is ahead within the bound is learnt");
    ok(pxt_version_last(page) == ahead && pxt_version_next(page, 0) > ahead, "later ones are greater");
    page->max_skew = 0;
    ok(pxt_version_learn(page, 5) && pxt_version_last(page) > ahead, "an old one changes nothing");
    ok(pxt_version_learn(page, pxt_version_last(page)), "one of this page is known, however far ahead it is");
    close_page(page);
}

static void a_version_too_far_ahead_does_not_draw_the_clock(void)
{
    struct pxt_page *page = open_page(NULL, &told);
    now = 1000 * PXT_SECOND;
    page->max_skew = 9 * PXT_SECOND;
    uint64_t far = (uint64_t)(now + 10 * PXT_SECOND) << 11;
    ok(!pxt_version_far(page), "no version is too far ahead");
    ok(!pxt_version_learn(page, far), "a version too far ahead is not learnt");
    ok(pxt_version_next(page, 0) < far, "later ones are not above it");
    ok(pxt_version_far(page) == far, "but it is known");
    uint64_t above = pxt_version_next(page, far);
    ok(above > far && above < far + (2 << 11), "the next of its key is above it");
    ok(pxt_version_next(page, 0) < far, "and does not draw the others either");
    ok(pxt_version_far(page) == above, "the greatest of those too far ahead is known");
    ok(pxt_version_next(page, above) > above, "so they are never equal");
    now += 20 * PXT_SECOND;
    ok(pxt_version_learn(page, far), "when the clock has come near, it is learnt");
    pxt_version_pass(page, (uint64_t)(now + 60 * PXT_SECOND) << 11);
    ok(pxt_version_next(page, 0) > (uint64_t)(now + 60 * PXT_SECOND) << 11, "what must be passed is passed");
    close_page(page);
}

static void versions_end_before_they_overflow(void)
{
    struct pxt_page *page = open_page(NULL, &told);
    now = 1000 * PXT_SECOND;
    ok(!pxt_version_next(page, UINT64_MAX), "above 2^64 - 1 there is none");
    ok(!pxt_version_next(page, INT64_MAX), "nor above 2^63 - 1");
    page->max_skew = PXT_SECOND;
    ok(!pxt_version_learn(page, INT64_MAX), "which is not learnt");
    page->max_skew = INT64_MAX;
    ok(!pxt_version_learn(page, UINT64_MAX), "nor anything beyond, with the greatest bound");
    ok(!pxt_version_far(page), "and what has no successor is not noted");
    ok(pxt_version_next(page, 0) >> 11 == (uint64_t)now, "so versions go on");
    now = INT64_MAX;
    uint64_t greatest = pxt_version_next(page, 0);
    ok(greatest && greatest <= INT64_MAX, "a clock at the end of time gives a version of 63 bits");
    ok(!pxt_version_next(page, 0), "but only one");
    close_page(page);
    page = open_page(NULL, &told);
    now = INT64_MIN;
    ok(pxt_version_next(page, 0) > 0, "a clock before 1970 gives versions too");
    close_page(page);
    ok(pxt_version_of_time(1000) == 1000 << 11, "the version of a time is that time");
    ok(pxt_version_of_time(0) == 1 && pxt_version_of_time(PXT_TIME_NONE) == 1, "no time has the smallest version");
    ok(pxt_version_of_time(INT64_MAX) <= INT64_MAX, "the end of time has one of 63 bits");
}

enum { THREADS = 4, PROCESSES = 2, EACH = 20000 };
struct drawing {
    struct pxt_page *page;
    uint64_t *out;
    unsigned n;
    bool rising;
};

static void *draw(void *arg)
{
    struct drawing *drawing = arg;
    drawing->rising = true;
    for (unsigned i = 0; i < drawing->n; i++) {
        drawing->out[i] = pxt_version_next(drawing->page, 0);
        drawing->rising = drawing->rising && drawing->out[i] > (i ? drawing->out[i - 1] : 0);
    }
    return NULL;
}

/* Returns whether each thread saw its versions rise. */
static bool draw_with_threads(uint64_t *out, unsigned n)
{
    struct pxt_page *page = open_page(store, &system_clock);
    struct drawing drawing[THREADS];
    pthread_t thread[THREADS];
    bool rising = true;
    for (unsigned i = 0; i < THREADS; i++) {
        drawing[i] = (struct drawing){.page = page, .out = out + i * n, .n = n};
        pthread_create(&thread[i], NULL, draw, &drawing[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        rising = rising && drawing[i].rising;
    }
    close_page(page);
    return rising;
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

static void versions_of_threads_and_processes_differ(void)
{
    unsigned n = (unsigned)tap_amount(EACH), all = n * THREADS * PROCESSES, equal = 0, rising = 0;
    uint64_t *out = mmap(NULL, all * sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[PROCESSES];
    close_page(open_page(store, &system_clock));
    for (unsigned i = 0; i < PROCESSES; i++) {
        child[i] = fork();
        if (!child[i])
            _exit(!draw_with_threads(out + i * n * THREADS, n));
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int how = 1;
        rising += waitpid(child[i], &how, 0) == child[i] && !how;
    }
    is_int(rising, PROCESSES, "each thread of each process sees its versions rise");
    qsort(out, all, sizeof *out, compare);
    for (unsigned i = 1; i < all; i++)
        equal += out[i] == out[i - 1];
    is_int(equal, 0, "no two of %u versions are equal", all);
    ok(out[0] > 0, "and none is 0");
    munmap(out, all * sizeof *out);
}

/* ---- members and the checkpoint --------------------------------------------------------------------------------- */

static void a_member_joins_once_with_all_its_doubts(void)
{
    struct pxt_page *page = open_page(store, &system_clock), *other = open_page(store, &system_clock);
    bool joined = false;
    unsigned count;
    char id[PXT_MEMBER_ID + 1], name[64], want[PXT_MEMBER_ID + 1];
    is_int(join(page, 10, &joined), 0, "the first member has slot 0");
    ok(joined, "it was none before");
    is_int(pxt_words_doubted(other, A, &count), A, "its doubts are set");
    is_int(count, PXT_WORDS, "... in all words");
    pxt_word_end(page, HASH, pxt_word(page, HASH), A);
    is_int(join(other, 10, &joined), 0, "in another process it has the same slot");
    ok(!joined, "where it was a member before");
    is_int(pxt_word_doubts(pxt_word(other, HASH)), 0, "and no doubt is set");
    is_int(join(other, 11, &joined), 1, "the next one has the next slot");
    is_int(pxt_page_members(page), A | B, "both are members");
    id_of(want, 11);
    ok(pxt_page_member(page, 1, id, name), "a member can be asked for");
    is_str(id, want, "... its id");
    is_str(name, "l2", "... and its name");
    pxt_page_leave(page, 0);
    is_int(pxt_page_members(other), B, "a member leaves");
    is_int(pxt_words_doubted(other, A, &count), B, "its doubts are gone, those of others stay");
    ok(!pxt_page_member(other, 0, id, name) && !pxt_page_member(other, 99, id, name), "it cannot be asked for");
    uint32_t epoch = pxt_page_epoch(other);
    is_int(join(page, 12, &joined), 0, "its slot is given again");
    ok(pxt_page_epoch(other) != epoch, "which another process sees by the epoch");
    epoch = pxt_page_epoch(other);
    is_int(join(page, 12, &joined), 0, "a member that joins again");
    ok(pxt_page_epoch(other) == epoch, "is no other");
    pxt_page_leave(page, 0);
    pxt_page_leave(page, 1);
    close_page(page);
    close_page(other);
}

static void there_is_an_end_to_members(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    bool joined = true;
    char id[PXT_MEMBER_ID + 1], name[64], all[PXT_MEMBER_ID + 1], wide[100];
    for (unsigned i = 0; i < PXT_CHAIN_MAX; i++)
        is_int(join(page, i, &joined), i, "member %u", i);
    is_int(join(page, 99, &joined), -1, "one more is refused");
    ok(!joined, "... and has not joined");
    pxt_page_leave(page, 3);
    memset(wide, 'x', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    id_of(all, 7);
    is_int(pxt_page_join(page, wide, wide, &joined), 3, "a name that is too long is cut");
    ok(pxt_page_member(page, 3, id, name) && strlen(name) == sizeof name - 1, "... to what there is room for");
    is_int(pxt_page_join(page, all, "new name", &joined), 7, "a member that joins again");
    ok(pxt_page_member(page, 7, id, name) && !joined, "stays it");
    is_str(name, "new name", "and may have another name");
    close_page(page);
}

static void doubts_of_no_member_end_when_one_joins(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock);
    bool joined;
    join(page, 1, &joined);
    pxt_words_doubt_all(page, C);
    join(page, 1, &joined);
    is_int(pxt_words_doubted(page, 0, NULL), A, "what a process left that was killed while it joined is cleared");
    close_page(page);
}

static void the_checkpoint_is_shared(void)
{
    struct pxt_page *page = open_page(store, &system_clock), *other = open_page(store, &system_clock);
    uint64_t checkpoint = 1, dropped = 1;
    pxt_page_checkpoint(page, &checkpoint, &dropped);
    ok(!checkpoint && !dropped, "a new page has none");
    pxt_page_set_checkpoint(page, 500, 400);
    pxt_page_checkpoint(other, &checkpoint, &dropped);
    ok(checkpoint == 500 && dropped == 400, "another process sees it");
    close_page(page);
    close_page(other);
}

static void a_page_in_memory_needs_no_file(void)
{
    struct pxt_page *page = open_page(NULL, &system_clock), *other = open_page(NULL, &system_clock);
    is_int(pxt_page_lock(page, 0, PXT_WORDS, NULL), PXT_OK, "all stripes are locked");
    is_int(pxt_page_lock(other, 0, PXT_WORDS, NULL), PXT_OK, "another page has its own");
    pxt_page_unlock(page, 0, PXT_WORDS);
    is_int(pxt_page_check(page, NULL), PXT_OK, "there is nothing to check");
    pxt_word_begin(page, HASH, A, NULL);
    is_int(pxt_word_doubts(pxt_word(other, HASH)), 0, "its words are its own");
    close_page(page);
    close_page(other);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.page", store);
    a_change_sets_doubts_and_its_end_clears_them();
    a_word_that_changed_meanwhile_is_not_cleared();
    notices_of_other_hosts();
    a_generation_that_begins_again_is_no_notice();
    all_words_can_be_doubted_and_counted();
    versions_follow_the_clock_and_what_was_learnt();
    a_version_too_far_ahead_does_not_draw_the_clock();
    versions_end_before_they_overflow();
    versions_of_threads_and_processes_differ();
    a_member_joins_once_with_all_its_doubts();
    there_is_an_end_to_members();
    doubts_of_no_member_end_when_one_joins();
    the_checkpoint_is_shared();
    a_page_in_memory_needs_no_file();
    unlink(file);
    rmdir(folder);
    return tap_done();
}
