/* SPDX-License-Identifier: MIT
 *
 * Every stock tier keeps the contract of tier.h: the same tests for all, and for durable ones a second life.
 */
#include "../lib/tiers_kit.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void single_entries(void)
{
    pxt_entry *entry;
    struct pxt_key key = key_of("a");
    is_int(get("a", &entry), PXT_NOT_FOUND, "%s: nothing is found in an empty tier", name);
    is_int(ops->del(self, &key, PXT_REMOVE_DELETED, &error), PXT_NOT_FOUND, "%s: nothing can be deleted", name);
    is_int(put_simply("a"), PXT_OK, "%s: put", name);
    is_int(get("a", &entry), PXT_OK, "%s: get", name);
    is_str(pxt_entry_key(entry), "a", "%s: the entry asked for", name);
    pxt_entry_release(entry);
    is_int(put("a", T0, 5, T0 + 7, T0 + 9), PXT_OK, "%s: put over it", name);
    get("a", &entry);
    is_int(pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT), T0 + 9, "%s: the later one stays", name);
    pxt_entry_release(entry);
    is_int(count(), 1, "%s: one entry", name);
    is_int(ops->contains(self, &key, &error), PXT_OK, "%s: contains", name);
    is_int(ops->del(self, &key, PXT_REMOVE_DELETED, &error), PXT_OK, "%s: delete", name);
    ok(!has("a") && !count(), "%s: it is gone", name);
    is_int(ops->contains(self, &key, &error), PXT_NOT_FOUND, "%s: contains no more", name);
}

/* Every field with a value that no default is, and a key and texts that need care. */
static void all_fields_come_back(void)
{
    struct pxt_draft draft, back;
    pxt_entry *entry = NULL, *got = NULL;
    size_t fields;
    const struct pxt_field *field = pxt_fields(&fields);
    const char text[] = "text; \"quoted\" \\ \xe2\x82\xac, 'x'";
    const char odd[] = "o'dd \"k\\y\" \xc3\xbc";
    pxt_draft_init(&draft);
    for (size_t i = 0; i < fields; i++) {
        enum pxt_field_id id = (enum pxt_field_id)i;
        if (id == PXT_FIELD_REMOVED) /* another number makes a tombstone, which has few fields */
            pxt_draft_set_number(&draft, id, 0);
        else if (field[i].type == PXT_TYPE_TEXT)
            pxt_draft_set_text(&draft, id, text, strlen(text));
        else if (field[i].type == PXT_TYPE_SECRET)
            pxt_draft_set_token(&draft, id, i % 2 ? "gAAAA_-odd==" : "gAAAA_-even=", 12);
        else if (field[i].type == PXT_TYPE_BOOL)
            pxt_draft_set_number(&draft, id, 1);
        else if (field[i].type == PXT_TYPE_HEALTH)
            pxt_draft_set_number(&draft, id, PXT_HEALTH_UNHEALTHY);
        else
            pxt_draft_set_number(&draft, id,
                                 field[i].type == PXT_TYPE_TIME ? T0 + 123457 + (int64_t)i : (int64_t)i + 1);
    }
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, odd, strlen(odd));
    is_int(pxt_entry_new(&draft, &entry, &error), PXT_OK, "an entry with every field");
    is_int(ops->put(self, entry, &error), PXT_OK, "%s: takes it", name);
    is_int(get(odd, &got), PXT_OK, "%s: gives it back", name);
    unsigned different = 0;
    pxt_draft_init(&back);
    if (got)
        pxt_entry_read(got, &back);
    for (size_t i = 0; i < fields; i++) {
        const struct pxt_value *a = &draft.value[i], *b = &back.value[i];
        bool bytes = field[i].type == PXT_TYPE_TEXT || field[i].type == PXT_TYPE_SECRET;
        bool same = a->set == b->set && (bytes ? a->length == b->length && !memcmp(a->as.text, b->as.text, a->length)
                                               : a->as.number == b->as.number);
        if (!same)
            diag("%s differs", field[i].name);
        different += !same;
    }
    is_int(different, 0, "%s: every field comes back", name);
    struct pxt_key key = key_of(odd);
    is_int(ops->del(self, &key, PXT_REMOVE_DELETED, &error), PXT_OK, "%s: an odd key is deleted", name);
    ok(!has(odd), "%s: ... and gone", name);
    pxt_entry_release(entry);
    pxt_entry_release(got);
}

static void many_entries(void)
{
    pxt_entry *entries[500];
    char key[20];
    int seen = 0, expired = 0;
    uint64_t removed;
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "key%d", i);
        entries[i] = make_entry(&user, key, T0, 0, T0, T0 + (i < 200 ? 10 : 1000));
    }
    pxt_status status = PXT_OK;
    if (ops->put_many)
        status = ops->put_many(self, entries, 500, &error);
    for (int i = 0; i < 500; i++) {
        if (!ops->put_many)
            status = status ? status : ops->put(self, entries[i], &error);
        pxt_entry_release(entries[i]);
    }
    is_int(status, PXT_OK, "%s: 500 entries", name);
    is_int(count(), 500, "%s: are counted", name);
    is_int(ops->each(self, count_one, &seen, &error), PXT_OK, "%s: each", name);
    is_int(seen, 500, "%s: sees all", name);
    is_int(ops->expire(self, T0 + 10, UINT64_MAX, 150, count_key, &expired, &removed, &error), PXT_OK, "%s: expire",
           name);
    ok(removed == 150 && expired == 150, "%s: no more than asked", name);
    is_int(ops->expire(self, T0 + 10, UINT64_MAX, 150, count_key, &expired, &removed, &error), PXT_OK, "%s: once more",
           name);
    ok(removed == 50 && expired == 200, "%s: the rest; who expires at that instant is expired", name);
    is_int(count(), 300, "%s: 300 stay", name);
    ok(!has("key0") && has("key499"), "%s: the right ones", name);
    is_int(ops->clear(self, &removed, &error), PXT_OK, "%s: clear", name);
    ok(removed == 300 && !count() && !has("key499"), "%s: empty", name);
}

static void put_version(const char *key, uint64_t version, pxt_time expires)
{
    pxt_entry *entry = make_entry(&user, key, T0, 0, T0, expires);
    pxt_entry_set_versions(entry, version, version, 0);
    is_int(ops->put(self, entry, &error), PXT_OK, "%s: put of version %llu", name, (unsigned long long)version);
    pxt_entry_release(entry);
}

static void expiry_stops_at_a_version(void)
{
    uint64_t removed = 9;
    int told = 0;
    pxt_entry *tombstone = NULL;
    struct pxt_key key = key_of("gone");
    put_version("old", 10, T0);
    put_version("new", 20, T0);
    put_version("live", 5, T0 + PXT_SECOND);
    is_int(pxt_tombstone_new(&key, 10, PXT_REMOVE_DELETED, T0, &tombstone, &error), PXT_OK, "%s: a tombstone", name);
    is_int(ops->put(self, tombstone, &error), PXT_OK, "%s: ... is put", name);
    pxt_entry_release(tombstone);
    is_int(ops->expire(self, T0, 9, 100, count_key, &told, &removed, &error), PXT_OK, "%s: expire up to 9", name);
    ok(!removed && !told && has("old") && has("gone"), "%s: what is newer stays", name);
    is_int(ops->expire(self, T0, 10, 100, count_key, &told, &removed, &error), PXT_OK, "%s: expire up to 10", name);
    ok(removed == 2 && !has("old") && !has("gone"), "%s: removes an entry and a tombstone", name);
    is_int(told, 1, "%s: ... and tells of the entry only", name);
    ok(has("new") && has("live"), "%s: a newer version stays, and so does one that has time left", name);
}

static void touches_add_up(void)
{
    pxt_entry *entry;
    struct pxt_touch touch[2] = {{.key = key_of("t"), .hits = 3, .last_accessed = T0 + 50, .evicted_from_l1 = 1},
                                 {.key = key_of("not there"), .hits = 1, .last_accessed = T0}};
    if (!ops->touch)
        return;
    put("t", T0, 4, T0 + 90, T0 + 1000);
    is_int(ops->touch(self, touch, 2, &error), PXT_OK, "%s: touch; what is not stored is passed over", name);
    is_int(get("t", &entry), PXT_OK, "%s: the touched entry", name);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), 7, "%s: hits are added", name);
    is_int(pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), T0 + 90, "%s: the later access stays", name);
    is_int(pxt_entry_number(entry, PXT_FIELD_EVICTED_FROM_L1), 1, "%s: the flag is set", name);
    pxt_entry_release(entry);
    ok(!has("not there"), "%s: nothing was made up", name);
    uint64_t removed;
    ops->clear(self, &removed, &error);
}

static void victim_is(const char *eviction, const char *want)
{
    pxt_entry *entry = NULL;
    if (!strcmp(name, "l1_memory"))
        strcpy(yaml, "{shards: 1}");
    else
        set_place(name, eviction);
    open_tier(eviction, 10);
    if (strcmp(name, "l2_jsonl")) /* it takes the stored order over when first asked, and goes by what happens then */
        is_int(ops->victim(self, 0, &entry, &error), PXT_NOT_FOUND, "%s, %s: no victim in an empty tier", name,
               eviction);
    put("old", T0 + 1, 9, T0 + 300, T0 + 1000);
    put("rare", T0 + 2, 1, T0 + 200, T0 + 1000);
    put("quiet", T0 + 3, 5, T0 + 100, T0 + 1000);
    if (!strcmp(name, "l1_memory")) { /* state beside the entries: it goes by what happens */
        for (int i = 0; i < 3; i++)
            has("quiet");
        has("rare");
        for (int i = 0; i < 9; i++)
            has("old");
        if (!strcmp(eviction, "lru"))
            want = "quiet";
    }
    is_int(ops->victim(self, 0, &entry, &error), PXT_OK, "%s, %s: a victim", name, eviction);
    is_str(entry ? pxt_entry_key(entry) : NULL, want, "%s, %s: the right one", name, eviction);
    struct pxt_key key = key_of(want);
    pxt_entry_release(entry);
    ops->del(self, &key, PXT_REMOVE_POLICY, &error);
    is_int(ops->victim(self, 0, &entry, &error), PXT_OK, "%s, %s: the next one", name, eviction);
    ok(strcmp(pxt_entry_key(entry), want), "%s, %s: another", name, eviction);
    pxt_entry_release(entry);
    close_tier();
}

static void a_second_life(void)
{
    char key[20];
    set_place(name, "reopen");
    open_tier(NULL, 0);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key%d", i % 50);
        put(key, T0, i, T0, T0 + 1000);
    }
    struct pxt_key gone = key_of("key7");
    ops->del(self, &gone, PXT_REMOVE_DELETED, &error);
    close_tier();
    open_tier("lru", 10);
    pxt_entry *entry;
    is_int(count(), 49, "%s: opened again, all are there but the deleted one", name);
    get("key8", &entry);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), 58, "%s: in their last state", name);
    pxt_entry_release(entry);
    is_int(ops->maintain(self, &error), PXT_OK, "%s: maintenance", name);
    is_int(count(), 49, "%s: ... changes nothing", name);
    close_tier();
}

static void two_at_once(void)
{
    struct pxt_tier_setup setup;
    struct plugin_user user2, policy2;
    void *self2;
    pxt_entry *entry = NULL;
    struct pxt_key key = key_of("shared");
    set_place(name, "two");
    open_tier(NULL, 0);
    use_plugin(&user2, name, yaml);
    use_policy(&user2, &policy2, &setup, "lru", 0);
    setup.policy = NULL;
    is_int(ops->open(&user2.host.host, &setup, &self2, &error), PXT_OK, "%s: opened twice", name);
    put_simply("shared");
    is_int(ops->get(self2, &key, 0, &entry, &error), PXT_OK, "%s: the other one sees a put with its next get", name);
    pxt_entry_release(entry);
    put("shared", T0, 42, T0, T0 + 1000);
    ops->get(self2, &key, 0, &entry, &error);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), 42, "%s: ... and a change", name);
    pxt_entry_release(entry);
    uint64_t number = 0;
    ops->count(self2, &number, &error);
    is_int(number, 1, "%s: ... and counts it", name);
    ops->del(self2, &key, PXT_REMOVE_DELETED, &error);
    ok(!has("shared") && !count(), "%s: this one sees the delete", name);
    ops->close(self2);
    leave_plugin(&policy2);
    leave_plugin(&user2);
    close_tier();
}

/* What was acknowledged to the parent through the pipe must be there after kill -9. */
static void killed_while_writing(void)
{
    int ack[2], last = -1, missing = 0, number;
    char key[20];
    set_place(name, "kill");
    if (pipe(ack))
        return;
    pid_t child = fork();
    if (!child) {
        if (open_tier(NULL, 0))
            _exit(1);
        for (int i = 0; i < 1000000; i++) {
            snprintf(key, sizeof key, "key%d", i);
            if (put_simply(key) || write(ack[1], &i, sizeof i) != sizeof i)
                _exit(1);
        }
        _exit(0);
    }
    close(ack[1]);
    while (last < 20 && read(ack[0], &number, sizeof number) == sizeof number)
        last = number;
    usleep(50000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(ack[0], &number, sizeof number) == sizeof number)
        last = number;
    close(ack[0]);
    open_tier(NULL, 0);
    for (int i = 0; i <= last; i++) {
        snprintf(key, sizeof key, "key%d", i);
        missing += !has(key);
    }
    ok(last > 10 && !missing, "%s: killed after %d acknowledged puts, none is missing", name, last + 1);
    is_int(put_simply("after"), PXT_OK, "%s: and it takes more", name);
    close_tier();
}

static void eight_writers_lose_nothing(void)
{
    enum { WRITERS = 8, EACH = 100 };
    int missing = 0, state, good = 0;
    char key[20];
    set_place(name, "writers");
    for (int w = 0; w < WRITERS; w++)
        if (!fork()) {
            for (char *timeout = strstr(yaml, "300ms"); timeout; timeout = NULL)
                memcpy(timeout, "60s  ", 5);
            if (open_tier(NULL, 0))
                _exit(1);
            for (int i = 0; i < EACH; i++) {
                snprintf(key, sizeof key, "w%d-%d", w, i);
                if (put_simply(key))
                    _exit(2);
            }
            ops->maintain(self, &error);
            _exit(0);
        }
    while (wait(&state) > 0)
        good += state == 0;
    is_int(good, WRITERS, "%s: eight processes write at once", name);
    open_tier(NULL, 0);
    for (int w = 0; w < WRITERS; w++)
        for (int i = 0; i < EACH; i++) {
            snprintf(key, sizeof key, "w%d-%d", w, i);
            missing += !has(key);
        }
    is_int(missing, 0, "%s: nothing is lost", name);
    close_tier();
}

/* A limit on file size stands for a full disk: writes fail in the middle. */
static void a_full_disk_loses_nothing(void)
{
    int state;
    set_place(name, "full");
    open_tier(NULL, 0);
    for (int i = 0; i < 20; i++) {
        char key[20];
        snprintf(key, sizeof key, "key%d", i);
        put_simply(key);
    }
    close_tier();
    pid_t child = fork();
    if (!child) {
        struct rlimit small = {60000, 60000};
        signal(SIGXFSZ, SIG_IGN);
        if (open_tier(NULL, 0))
            _exit(3);
        setrlimit(RLIMIT_FSIZE, &small);
        pxt_status status = PXT_OK;
        int i = 20;
        for (; i < 5000 && !status; i++) {
            char key[20];
            snprintf(key, sizeof key, "key%d", i);
            status = put_simply(key);
        }
        /* SQLite knows a full disk from other failures, but not this limit. */
        bool good =
            (status == PXT_ENOSPC || (status == PXT_EIO && strstr(name, "sqlite"))) && has("key3") && has("key20");
        if (!good)
            printf("# %s %s\n", pxt_status_name(status), error.message);
        fflush(stdout);
        _exit(good ? 0 : 1);
    }
    waitpid(child, &state, 0);
    is_int(WEXITSTATUS(state), 0, "%s: no space is an error of its own, and reading goes on", name);
    open_tier(NULL, 0);
    ok(has("key3") && has("key20"), "%s: what was acknowledged is there", name);
    is_int(put_simply("later"), PXT_OK, "%s: with space again it takes more", name);
    ok(has("later"), "%s: and gives it back", name);
    close_tier();
}

static void private_files(void)
{
    char command[300];
    umask(0);
    set_place(name, "modes");
    open_tier(NULL, 0);
    put_simply("x");
    close_tier();
    umask(022);
    snprintf(command, sizeof command, "test -z \"$(find %s -name '*modes*' -prune -exec find {} -perm /077 \\;)\"",
             test_folder());
    is_int(system(command), 0, "%s: no file or folder is open to others, whatever the umask", name);
}

static void test_one(const char *tier, bool durable)
{
    set_place(tier, "plain");
    is_int(open_tier(NULL, 0), PXT_OK, "%s opens", tier);
    single_entries();
    all_fields_come_back();
    many_entries();
    touches_add_up();
    if (!durable || ops->versions)
        expiry_stops_at_a_version();
    close_tier();
    victim_is("lru", "quiet");
    victim_is("lfu", "rare");
    victim_is("fifo", "old");
    if (!durable)
        return;
    a_second_life();
    two_at_once();
    killed_while_writing();
    eight_writers_lose_nothing();
    a_full_disk_loses_nothing();
    private_files();
}

int main(void)
{
    test_folder();
    test_one("l1_memory", false);
    test_one("l2_jsonl", true);
    test_one("l2_sqlite", true);
    test_one("l3_sqlite", true);
    return tap_done();
}
