/* SPDX-License-Identifier: MIT
 *
 * Writing to a Redis server: who is told of a change; batches longer than a script takes, also where the scripts are gone.
 */
#include "server.h"

enum { MANY = 350 };

static pxt_cache *a, *b;

static pxt_cache *open_one(const char *name)
{
    return open_host(&(struct host){name, false, false, NULL, NULL});
}

static int published(void)
{
    char answer[100];
    ask_server("info commandstats | awk -F '[=,]' '/cmdstat_publish/ { n = $2 } END { print n + 0 }'", answer);
    return atoi(answer);
}

static void a_change_is_told_where_others_hear_it(void)
{
    a = open_one("a");
    put(a, "k", 1);
    put(a, "k", 2);
    is_int(published(), 0, "a host alone publishes nothing");
    b = open_one("b");
    is_int(get(b, "k"), 2, "another host");
    put(a, "k", 3);
    ok(published() > 0, "is published to");
    ok(answers_soon(b, "k", 3), "and hears of a change");
    pxt_cache_close(b);
    b = open_one("b");
    is_int(get(b, "k"), 3, "a host that came again");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "after a deletion");
    ok(answers_soon(b, "k", -PXT_NOT_FOUND), "hears of that");
}

static pxt_status put_batch(int64_t value)
{
    static struct pxt_draft drafts[MANY];
    static char keys[MANY][20];
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "m%d", i);
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, keys[i], strlen(keys[i]));
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        pxt_draft_set_number(&drafts[i], PXT_FIELD_TTL_SECONDS, TTL + value);
    }
    return pxt_cache_put_many(a, drafts, MANY, NULL, NULL, &error);
}

/* How many of the batch another host reads as the value. */
static int of_value(int64_t value)
{
    int n = 0;
    pxt_cache *fresh = open_one("c");
    for (int i = 0; i < MANY; i++) {
        char key[20];
        snprintf(key, sizeof key, "m%d", i);
        n += get(fresh, key) == value;
    }
    pxt_cache_close(fresh);
    return n;
}

static void long_batches_are_stored(void)
{
    char answer[100];
    is_int(put_batch(1), PXT_OK, "a batch that takes several scripts");
    is_int(of_value(1), MANY, "is stored");
    ask_server("script flush", answer);
    is_int(put_batch(2), PXT_OK, "and another, where the scripts were removed: %s", error.message);
    is_int(of_value(2), MANY, "too");
    is_int(put_batch(3), PXT_OK, "and the next one");
    is_int(of_value(3), MANY, "too");
}

int main(void)
{
    begin_with_server(300);
    start_server(true);
    far_tier = redis_tier();
    a_change_is_told_where_others_hear_it();
    long_batches_are_stored();
    pxt_cache_close(a);
    pxt_cache_close(b);
    return end_with_server(tap_done());
}
