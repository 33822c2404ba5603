/* SPDX-License-Identifier: MIT
 *
 * A Redis server with a capacity: who leaves, by the orders that the server keeps, whoever writes, and without a walk when the
 * tier is opened again.
 */
#include "server.h"

enum { ROOM = 6 };

static pxt_cache *a, *b;

static pxt_cache *open_limited(const char *name, const char *policy)
{
    static char text[100];
    snprintf(text, sizeof text, ", max_entries: %d, eviction: %s", ROOM, policy);
    return open_host(&(struct host){name, false, false, policy ? text : NULL, NULL});
}

static pxt_cache *open_unlimited(const char *name)
{
    return open_host(&(struct host){name, false, false, NULL, NULL});
}

static void begin(void)
{
    kill_server();
    empty_folder();
    start_server(true);
    far_tier = redis_tier();
}

static void put_some(pxt_cache *cache, int from, int to)
{
    for (int i = from; i < to; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        is_int(put(cache, key, i), PXT_OK, "put %s: %s", key, error.message);
        sleep_ms(2); /* each has a time of its own */
    }
}

/* The keys that the server has, by a host that has nothing in memory. */
static const char *left(void)
{
    static char text[200];
    pxt_cache *fresh = open_unlimited("fresh");
    text[0] = '\0';
    for (int i = 0; i < 20; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        if (get(fresh, key) >= 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", *text ? " " : "", i);
    }
    pxt_cache_close(fresh);
    return text;
}

static int calls_of(const char *command)
{
    char line[200], answer[100];
    snprintf(line, sizeof line, "info commandstats | awk -F '[=,]' '/cmdstat_%s:/ { n = $2 } END { print n + 0 }'",
             command);
    ask_server(line, answer);
    return atoi(answer);
}

static void the_first_that_came_leaves(void)
{
    begin();
    a = open_limited("a", "fifo");
    put_some(a, 0, 10);
    is_str(left(), "4 5 6 7 8 9", "fifo: those that came first have left");
    b = open_unlimited("b");
    is_int(put(b, "k4", 4), PXT_OK, "a host without a limit puts the oldest again");
    put_some(a, 10, 12);
    is_str(left(), "4 7 8 9 10 11", "then others leave");
    close_hosts(a, b);
}

static void the_one_of_no_use_leaves(void)
{
    begin();
    a = open_limited("a", "lru");
    put_some(a, 0, ROOM);
    is_int(get(a, "k0"), 0, "a get of the oldest");
    sleep_ms(2);
    put_some(a, ROOM, ROOM + 2);
    is_str(left(), "0 3 4 5 6 7", "lru: those that were not used leave");
    pxt_cache_close(a);
}

static void a_pool_that_is_there_is_put_in_order_once(void)
{
    char answer[100];
    begin();
    b = open_unlimited("b");
    put_some(b, 0, ROOM);
    for (int i = 0; i < 3; i++)
        get(b, "k0");
    pxt_cache_close(b); /* the server has all hits then */
    a = open_limited("a", "lfu");
    put_some(a, ROOM, ROOM + 2);
    is_str(left(), "0 3 4 5 6 7", "lfu: an order that is new to a pool has all entries, with their hits");
    pxt_cache_close(a);
    ask_server("config resetstat", answer);
    a = open_limited("a", "lfu");
    is_int(calls_of("zrangebylex"), 0, "opened again, the tier goes through no entries");
    is_int(calls_of("zrange"), 0, "not even one");
    pxt_cache_close(a);
}

static void an_emptied_server_keeps_the_order_again(void)
{
    char answer[100];
    begin();
    a = open_limited("a", "fifo");
    put_some(a, 0, 3);
    ask_server("flushall", answer);
    put_some(a, 3, 12);
    is_str(left(), "6 7 8 9 10 11", "a server that was emptied keeps the order and the limit");
    pxt_cache_close(a);
}

int main(void)
{
    begin_with_server(300);
    the_first_that_came_leaves();
    the_one_of_no_use_leaves();
    a_pool_that_is_there_is_put_in_order_once();
    an_emptied_server_keeps_the_order_again();
    return end_with_server(tap_done());
}
