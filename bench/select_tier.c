/* SPDX-License-Identifier: MIT
 *
 * select_tier.c: select() of l3_sqlite beside a get by key from the same tier, both through the ABI, in one run, in turns. A
 * program of its own, `make bench-select-tier`: it uses the tier without a cache around it. Arguments: numbers of entries.
 *
 * One entry in all is `rare` in every criterion, and half are `common`: the first of the rare ones, of the common ones,
 * and a window of 16 common ones are looked for from a random place.
 */
#include "sqlite_kit.h"
#include <time.h>

enum { ROUNDS = 15, BATCH = 200, PUTS = 1000 };
static uint64_t state = 1;
static struct tier tier;
static unsigned entries;

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* other programs do not disturb */
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static uint64_t random_number(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

/* ---- entries ---- */

static void key_text(uint64_t i, char key[17])
{
    snprintf(key, 17, "%016llx", (unsigned long long)(i * UINT64_C(0x9e3779b97f4a7c15)));
}

static pxt_entry *entry_number(unsigned i, unsigned generation)
{
    struct pxt_draft draft;
    char key[17], url[60], token[101];
    const bool rare = i == entries / 3, common = i % 2;
    key_text(i, key);
    draft_of(&draft, key);
    memset(token, 'a', 100);
    token[100] = '\0';
    snprintf(url, sizeof url, "%s://%u.%u.%u.%u:8080",
             rare     ? "socks4"
             : common ? "http"
                      : "socks5",
             rare     ? 192
             : common ? 10
                      : 11,
             i >> 16 & 255, i >> 8 & 255, i & 255);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    pxt_draft_set_token(&draft, PXT_FIELD_USERNAME, token, 100);
    pxt_draft_set_token(&draft, PXT_FIELD_PASSWORD, token, 100);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, rare ? "rare" : common ? "common" : "others", rare ? 4 : 6);
    pxt_draft_set_text(&draft, PXT_FIELD_COUNTRY, rare ? "AQ" : common ? "US" : "DE", 2);
    pxt_draft_set_text(&draft, PXT_FIELD_TAGS,
                       rare     ? "x,rare"
                       : common ? "x,common"
                                : "x,y",
                       rare     ? 6
                       : common ? 8
                                : 3);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, common || rare ? PXT_HEALTH_HEALTHY : PXT_HEALTH_DEAD);
    pxt_draft_set_number(&draft, PXT_FIELD_FAILURE_COUNT, rare ? 0 : common ? 1 : 3);
    pxt_draft_set_number(&draft, PXT_FIELD_LATENCY, rare ? 900 : (common ? 200000 : 1500000) + i % 1000);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, i % 7 + 1);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, NOW - (int64_t)(i % 100000) * PXT_SECOND);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT,
                         NOW +
                             (rare     ? 90000
                              : common ? 3000
                                       : 600) *
                                 PXT_SECOND +
                             (int64_t)(i % 1000) * PXT_SECOND);
    pxt_draft_set_number(&draft, PXT_FIELD_VERSION, generation + 1);
    return entry_of(&draft);
}

/* Microseconds for each of the entries from one on, put in batches. */
static double put_some(unsigned from, unsigned n, unsigned step, unsigned generation)
{
    static pxt_entry *batch[PUTS];
    double took = 0;
    for (unsigned done = 0; done < n;) {
        unsigned size = 0;
        for (; size < PUTS && done < n; done++)
            batch[size++] = entry_number((from + done * step) % entries, generation);
        double start = now_us();
        if (tier.ops->put_many(tier.self, batch, size, NULL)) {
            fprintf(stderr, "cannot put\n");
            exit(1);
        }
        took += now_us() - start;
        while (size)
            host.host.entry_release(batch[--size]);
    }
    return took / n;
}

/* ---- what is measured ---- */

static void get_batch(void)
{
    for (int i = 0; i < BATCH; i++) {
        char text[17];
        pxt_entry *entry = NULL;
        key_text(random_number() % entries, text);
        struct pxt_key key = key_of(text);
        if (tier.ops->get(tier.self, &key, 0, &entry, NULL))
            exit(1);
        host.host.entry_release(entry);
    }
}

static bool note(void *arg, const struct pxt_key *key, int64_t value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)arg;
    return true;
}

/* Returns how many were found; in ring order from a random place, and then from the beginning if none is behind it. */
static unsigned select_one(const struct pxt_selection *selection, unsigned order, uint64_t limit)
{
    unsigned found = 0;
    struct pxt_select select = {.size = sizeof select,
                                .order = order,
                                .selection = selection,
                                .now = NOW,
                                .from = order == PXT_ORDER_RING ? (int64_t)(random_number() >> 1) : INT64_MIN,
                                .to = INT64_MAX,
                                .limit = limit};
    pxt_status status = tier.ops->select(tier.self, &select, note, &found, NULL);
    if (!status && !found && order == PXT_ORDER_RING) {
        select.to = select.from;
        select.from = 0;
        status = tier.ops->select(tier.self, &select, note, &found, NULL);
    }
    if (status || !found) {
        fprintf(stderr, "status %d, found %u\n", (int)status, found);
        exit(1);
    }
    return found;
}

static void compare(const char *name, const struct pxt_selection *selection, unsigned order, uint64_t limit)
{
    double ours[ROUNDS], gets[ROUNDS];
    double start = now_us();
    select_one(selection, order, limit); /* makes the index */
    double first = now_us() - start;
    start = now_us();
    select_one(selection, order, limit);
    double second = now_us() - start;
    int batch = second > 20000 ? 2 : second > 1000 ? 20 : BATCH;
    for (int round = 0; round < ROUNDS; round++) {
        start = now_us();
        get_batch();
        gets[round] = (now_us() - start) / BATCH;
        start = now_us();
        for (int i = 0; i < batch; i++)
            select_one(selection, order, limit);
        ours[round] = (now_us() - start) / batch;
    }
    double mine = median(ours, ROUNDS), get_time = median(gets, ROUNDS);
    printf("%8u  %-46s %9.1f us  get %6.1f us  %7.2fx%s  first %.0f ms\n", entries, name, mine, get_time,
           mine / get_time, mine > 3 * get_time ? " MISSED" : "", first / 1000);
    fflush(stdout);
}

static const char *const criteria[] = {"health", "source",  "scheme",       "host",        "host *.x", "country",
                                       "tag",    "min_ttl", "max_failures", "max_latency", NULL};

static void set_criterion(struct pxt_selection *selection, const char *name, bool rare)
{
    if (!strcmp(name, "health"))
        selection->health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY);
    else if (!strcmp(name, "source"))
        selection->source = rare ? "rare" : "common";
    else if (!strcmp(name, "scheme"))
        selection->scheme = rare ? "socks4" : "http";
    else if (!strcmp(name, "host"))
        selection->host = rare ? "192.*" : "10.*";
    else if (!strcmp(name, "host *.x"))
        selection->host = rare ? "19?.*.1*" : "10.*.1*";
    else if (!strcmp(name, "country"))
        selection->country = rare ? "aq" : "us";
    else if (!strcmp(name, "tag"))
        selection->tag = rare ? "rare" : "common";
    else if (!strcmp(name, "min_ttl"))
        selection->min_ttl = rare ? 80000 : 2000;
    else if (!strcmp(name, "max_failures"))
        selection->max_failures = rare ? 0 : 1;
    else
        selection->max_latency_ms = rare ? 1 : 250;
}

static void compare_all(bool quick)
{
    static const char *const orders[] = {[PXT_ORDER_RING] = "ring",
                                         [PXT_ORDER_RANDOM] = "random",
                                         [PXT_ORDER_LEAST_USED] = "least used",
                                         [PXT_ORDER_LEAST_RECENTLY_USED] = "least recently",
                                         [PXT_ORDER_FASTEST] = "fastest"};
    char name[100];
    for (unsigned order = 0; order <= (quick ? PXT_ORDER_LEAST_USED : PXT_ORDER_FASTEST); order++)
        for (int i = 0; criteria[i]; i++)
            for (int rare = 0; rare < 2; rare++)
                for (int health = 0; health < 2; health++) {
                    struct pxt_selection selection;
                    pxt_selection_init(&selection);
                    set_criterion(&selection, criteria[i], rare);
                    bool of_core = order == PXT_ORDER_RANDOM && !strcmp(criteria[i], "min_ttl");
                    if ((!i && (rare || health)) || !strcmp(criteria[i], "host *.x") || of_core ||
                        (quick && order && health))
                        continue;
                    if (health)
                        selection.health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY);
                    snprintf(name, sizeof name, "%s, %s%s, %s", orders[order], criteria[i], health ? " + health" : "",
                             rare ? "one in all" : "half");
                    compare(name, &selection, order, 1);
                    snprintf(name, sizeof name, "window of 16, %s%s", criteria[i], health ? " + health" : "");
                    if (!order && !rare)
                        compare(name, &selection, order, 16);
                }
    struct pxt_selection two;
    pxt_selection_init(&two);
    two.tag = "x";
    two.country = "AQ";
    compare("ring, tag of all + country of one", &two, PXT_ORDER_RING, 1);
    pxt_selection_init(&two);
    two.source = "others";
    two.country = "de";
    two.tag = "y";
    compare("ring, source + country + tag, half each", &two, PXT_ORDER_RING, 1);
    pxt_selection_init(&two);
    compare("random, any", &two, PXT_ORDER_RANDOM, 1);
}

static void put_again(const char *when)
{
    unsigned n = entries < 20000 ? entries : 20000;
    static unsigned generation;
    double took = put_some(7, n, 48271, ++generation);
    printf("%8u  put again, in batches of %d, %s: %.1f us\n", entries, PUTS, when, took);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"1000", "100000", "1000000"};
    if (!begin(1, argv))
        return 1;
    for (int i = 0; i < (argc > 1 ? argc - 1 : 3); i++) {
        char place[40];
        entries = (unsigned)atoi(argc > 1 ? argv[i + 1] : usual[i]);
        snprintf(place, sizeof place, "select-%u", entries);
        make_place(place);
        tier = opened(true, place, NULL);
        printf("%8u  put, in batches of %d: %.1f us\n", entries, PUTS, put_some(0, entries, 1, 0));
        put_again("without an index of a selection");
        struct pxt_selection selection;
        pxt_selection_init(&selection);
        compare("ring, any", &selection, PXT_ORDER_RING, 1);
        selection.health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY);
        compare("ring, health", &selection, PXT_ORDER_RING, 1);
        put_again("with the two indexes of any and of health");
        compare_all(getenv("QUICK") != NULL);
        printf("%8u  indexes: %s\n", entries,
               ask(tier.path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'proxtier_select%'"));
        put_again("with all these indexes");
        close_tier(&tier);
    }
    return finish() && 0;
}
