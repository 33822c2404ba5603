/* SPDX-License-Identifier: MIT
 *
 * scripts.c: what the server does in one step. Numbers of Lua have 53 bits: versions and times are texts of digits of one
 * length, which compare as the numbers do. The layout is described in proxtier-redis(7).
 */
#include "redis.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arguments of all: prefix, channel, identity of the sender. Then `at` is the next one. The sender listens on the channel, and
 * on one of its own: what nobody else listens to is told to nobody. The orders `fetched` and `used` are kept if a host wants
 * them; see order.c. */
#define COMMON                                                                                                         \
    "local p, channel, me, at = ARGV[1], ARGV[2], ARGV[3], 4\n"                                                        \
    "local function arg() at = at + 1 return ARGV[at - 1] end\n"                                                       \
    "local call = redis.call\n"                                                                                        \
    "local others\n"                                                                                                   \
    "local function tell(key)\n"                                                                                       \
    "  if others == nil then\n"                                                                                        \
    "    local heard = call('PUBSUB', 'NUMSUB', channel, channel..':'..me)\n"                                          \
    "    others = heard[2] > heard[4]\n"                                                                               \
    "  end\n"                                                                                                          \
    "  if others then call('PUBLISH', channel, me..' '..key) end\n"                                                    \
    "end\n"                                                                                                            \
    "local kept\n"                                                                                                     \
    "local function keeps(order)\n"                                                                                    \
    "  kept = kept or call('HMGET', p..'orders', 'fetched', 'used')\n"                                                 \
    "  return kept[order == 'fetched' and 1 or 2]\n"                                                                   \
    "end\n"
/* Takes a key out of all sets. `old`: version, ring, removed, sets, count, last. */
#define UNSET                                                                                                          \
    "local function old_of(key)\n"                                                                                     \
    "  return call('HMGET', p..'e:'..key, 'version', 'ring', 'removed', 'sets', 'count', 'last')\n"                    \
    "end\n"                                                                                                            \
    "local function unset(key, old)\n"                                                                                 \
    "  local ring, last = old[2] or '', old[6] or ''\n"                                                                \
    "  call('ZREM', p..'versions', old[1]..':'..key)\n"                                                                \
    "  if old[3] == '1' then\n"                                                                                        \
    "    call('ZREM', p..'dead', old[1]..':'..key)\n"                                                                  \
    "    call('ZREM', p..'known', key)\n"                                                                              \
    "    return\n"                                                                                                     \
    "  end\n"                                                                                                          \
    "  call('ZREM', p..'ring', ring..':'..key)\n"                                                                      \
    "  for _, z in ipairs({'expires', 'count', 'last', 'latency'}) do call('ZREM', p..z, key) end\n"                   \
    "  if keeps('fetched') then call('ZREM', p..'fetched', key) end\n"                                                 \
    "  if keeps('used') then call('ZREM', p..'used', last..':'..key) end\n"                                            \
    "  for s in string.gmatch(old[4] or '', '[^\\n]+') do call('ZREM', p..'by:'..s, ring..':'..key) end\n"             \
    "end\n"                                                                                                            \
    "local function drop(key, old)\n"                                                                                  \
    "  unset(key, old)\n"                                                                                              \
    "  call('UNLINK', p..'e:'..key, p..'h:'..key)\n"                                                                   \
    "end\n"

const char *const redis_script[SCRIPT_COUNT] = {
    /* how: "all" (all or none, unless one is older) or "if" (each for itself, of distinct keys); n; then of each entry key,
     * version, expected (if), removed (a tombstone: 1), json, until (0, or when a tombstone says until when the proxy is known as
     * dead), ring, expires, count, last, latency, sets, fetched. Returns a number for each: 1: it was not stored. What is in a set
     * already, in its place, is left there: each command for a set costs as much as all others of an entry. All entries of a call
     * are added to a set by one command. */
    [SCRIPT_WRITE] = COMMON UNSET
    "local how, n, answer, zero = arg(), tonumber(arg()), {}, string.rep('0', 19)\n"
    "local function is_stale(has, version, expected)\n"
    "  if how == 'if' then return (has or zero) ~= expected end\n"
    "  return version ~= zero and has and has > version\n"
    "end\n"
    "for i = 1, how == 'all' and n > 1 and n or 0 do\n"
    "  local key, version = unpack(ARGV, at + 13 * i - 13, at + 13 * i - 12)\n"
    "  if is_stale(call('HGET', p..'e:'..key, 'version'), version) then return redis.error_reply('STALE '..key) end\n"
    "end\n"
    "local adds, rems, seen, split = {}, {}, {}, {}\n"
    "local function list_of(sets, set)\n"
    "  sets[set] = sets[set] or {}\n"
    "  return sets[set]\n"
    "end\n"
    "local function remove(set, member)\n"
    "  if n == 1 then call('ZREM', p..set, member) return end\n"
    "  table.insert(list_of(rems, set), member)\n"
    "end\n"
    "local function add(set, score, member)\n"
    "  if n == 1 then call('ZADD', p..set, score, member) return end\n"
    "  local list = list_of(adds, set)\n"
    "  local n = #list\n"
    "  list[n + 1], list[n + 2] = score, member\n"
    "end\n"
    "local function send(command, sets)\n"
    "  for set, list in pairs(sets) do\n"
    "    for i = 1, #list, 2000 do call(command, p..set, unpack(list, i, math.min(i + 1999, #list))) end\n"
    "  end\n"
    "end\n"
    "local function names_of(sets)\n" /* many entries of a batch are in the same sets */
    "  local names = split[sets]\n"
    "  if names then return names end\n"
    "  names = {}\n"
    "  for s in string.gmatch(sets, '[^\\n]+') do names[#names + 1] = 'by:'..s end\n"
    "  split[sets] = names\n"
    "  return names\n"
    "end\n"
    "local function flush()\n"
    "  send('ZREM', rems)\n"
    "  send('ZADD', adds)\n"
    "  adds, rems, seen = {}, {}, {}\n"
    "end\n"
    "local function write(key, version, expected, removed, json, known, ring, expires, count, last, latency, sets,\n"
    "    fetched)\n"
    "  if seen[key] then flush() end\n"
    "  seen[key] = true\n"
    "  local e = p..'e:'..key\n"
    "  local old = call('HMGET', e, 'version', 'ring', 'removed', 'sets', 'count', 'last', 'evicted')\n"
    "  if is_stale(old[1], version, expected) then return 1 end\n"
    "  local live = old[1] and old[3] ~= '1' and removed ~= '1' and old[2] == ring\n"
    "  if not live and old[1] then unset(key, old)\n"
    "  elseif live and old[1] ~= version then remove('versions', old[1]..':'..key) end\n"
    "  if not live or old[1] ~= version then add('versions', 0, version..':'..key) end\n"
    "  if removed == '1' then\n"
    "    call('UNLINK', e, p..'h:'..key)\n"
    "    call('HSET', e, 'version', version, 'removed', '1', 'json', json)\n"
    "    if known ~= '0' then add('known', known, key)\n"
    "    else add('dead', 0, version..':'..key) end\n"
    "    return 0\n"
    "  end\n"
    "  if live and old[5] and tonumber(old[5]) > tonumber(count) then count = old[5] end\n"
    "  if live and old[6] and old[6] > last then last = old[6] end\n"
    "  call('HSET', e, 'version', version, 'removed', '0', 'json', json, 'ring', ring,\n"
    "    'count', count, 'last', last, 'sets', sets)\n"
    "  if live and old[7] then call('HDEL', e, 'evicted') end\n"
    "  add('expires', expires, key)\n"
    "  add('latency', latency, key)\n"
    "  if not live or old[5] ~= count then add('count', count, key) end\n"
    "  if not live or old[6] ~= last then add('last', last, key) end\n"
    "  if keeps('fetched') then add('fetched', fetched, key) end\n"
    "  if keeps('used') then\n"
    "    if live and old[6] ~= last then remove('used', (old[6] or '')..':'..key) end\n"
    "    add('used', count, last..':'..key)\n"
    "  end\n"
    "  if live and old[4] == sets then return 0 end\n"
    "  local had, member = {}, ring..':'..key\n"
    "  for _, s in ipairs(names_of(live and old[4] or '')) do had[s] = true end\n"
    "  if not live then add('ring', 0, member) end\n"
    "  for _, s in ipairs(names_of(sets)) do\n"
    "    if had[s] then had[s] = nil else add(s, 0, member) end\n"
    "  end\n"
    "  for s in pairs(had) do remove(s, member) end\n"
    "  return 0\n"
    "end\n"
    "for i = 1, n do\n"
    "  local first = at + 13 * i - 13\n"
    "  answer[i] = write(unpack(ARGV, first, first + 12))\n"
    "  if answer[i] == 0 then tell(ARGV[first])\n"
    "  elseif how == 'all' and n == 1 then return redis.error_reply('STALE '..ARGV[first]) end\n"
    "end\n"
    "flush()\n"
    "return answer\n",
    /* key, expected: "" for any. */
    [SCRIPT_DEL] =
        COMMON UNSET "local key, expected = arg(), arg()\n"
                     "local old = old_of(key)\n"
                     "if not old[1] then return 0 end\n"
                     "if expected ~= '' and old[1] ~= expected then return redis.error_reply('STALE '..key) end\n"
                     "drop(key, old)\n"
                     "tell(key)\n"
                     "return old[3] == '1' and 0 or 1\n",
    /* n; then key, hits, last ("": leave), evicted. */
    [SCRIPT_TOUCH] =
        COMMON "for i = 1, tonumber(arg()) do\n"
               "  local key, hits, last, evicted = arg(), arg(), arg(), arg()\n"
               "  local e = p..'e:'..key\n"
               "  local old = call('HMGET', e, 'removed', 'last')\n"
               "  if old[1] == '0' then\n"
               "    local count, before = call('HINCRBY', e, 'count', hits), old[2] or ''\n"
               "    call('ZADD', p..'count', count, key)\n"
               "    if last > before then call('HSET', e, 'last', last) call('ZADD', p..'last', last, key)\n"
               "    else last = before end\n"
               "    if keeps('used') then\n"
               "      if last ~= before then call('ZREM', p..'used', before..':'..key) end\n"
               "      call('ZADD', p..'used', count, last..':'..key)\n"
               "    end\n"
               "    if evicted == '1' then call('HSET', e, 'evicted', '1') end\n"
               "  end\n"
               "end\n"
               "return 0\n",
    /* now, version up to which, limit. Returns the number of all, then the keys of entries. */
    [SCRIPT_EXPIRE] = COMMON UNSET
    "local now, up_to, limit = arg(), arg(), tonumber(arg())\n"
    "local answer, n, from = {0}, 0, 0\n"
    "while n < limit do\n"
    "  local keys = call('ZRANGEBYSCORE', p..'expires', '-inf', now, 'LIMIT', from, limit - n)\n"
    "  if #keys == 0 then break end\n"
    "  for _, key in ipairs(keys) do\n"
    "    local old = old_of(key)\n"
    "    if not old[1] then call('ZREM', p..'expires', key)\n"
    "    elseif old[1] > up_to then from = from + 1\n"
    "    else\n"
    "      drop(key, old)\n"
    "      tell(key)\n"
    "      n = n + 1\n"
    "      answer[#answer + 1] = key\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local past = call('ZRANGEBYSCORE', p..'known', '-inf', now, 'LIMIT', 0, 1000)\n"
    "for _, key in ipairs(past) do\n"
    "  local version = call('HGET', p..'e:'..key, 'version')\n"
    "  if version then call('ZADD', p..'dead', 0, version..':'..key) end\n"
    "  call('ZREM', p..'known', key)\n"
    "end\n"
    "for _, member in ipairs(n < limit and call('ZRANGEBYLEX', p..'dead', '-', '['..up_to..':\\255', 'LIMIT', 0,\n"
    "    limit - n) or {}) do\n"
    "  local key = string.sub(member, 21)\n"
    "  call('ZREM', p..'dead', member)\n"
    "  call('ZREM', p..'versions', member)\n"
    "  if call('HGET', p..'e:'..key, 'version') == string.sub(member, 1, 19) then call('UNLINK', p..'e:'..key) end\n"
    "  n = n + 1\n"
    "end\n"
    "answer[1] = n\n"
    "return answer\n",
    /* limit. Removes so many keys; returns how many, and how many of them were entries. */
    [SCRIPT_CLEAR] = COMMON UNSET "local members = call('ZRANGE', p..'versions', 0, tonumber(arg()) - 1)\n"
                                  "local entries = 0\n"
                                  "for _, member in ipairs(members) do\n"
                                  "  local key = string.sub(member, 21)\n"
                                  "  local old = old_of(key)\n"
                                  "  if old[1] then\n"
                                  "    if old[3] ~= '1' then entries = entries + 1 end\n"
                                  "    drop(key, old)\n"
                                  "  end\n"
                                  "  call('ZREM', p..'versions', member)\n"
                                  "end\n"
                                  "tell('')\n"
                                  "return {#members, entries}\n",
    /* what: take, renew or end; key, id, ttl in milliseconds, max, holder. By the clock of the server. */
    [SCRIPT_LEASE] =
        COMMON "local what, key, id, ttl, max, holder = arg(), arg(), arg(), tonumber(arg()), tonumber(arg()), arg()\n"
               "local max_given = ARGV[8]\n"
               "local t = call('TIME')\n"
               "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
               "for _, gone in ipairs(call('ZRANGEBYSCORE', p..'leases', '-inf', now, 'LIMIT', 0, 100)) do\n"
               "  local of = string.match(call('HGET', p..'lease', gone) or '', '^[^\\n]*')\n"
               "  call('ZREM', p..'l:'..of, gone)\n"
               "  call('ZREM', p..'leases', gone)\n"
               "  call('HDEL', p..'lease', gone)\n"
               "end\n"
               "local l = p..'l:'..key\n"
               "call('ZREMRANGEBYSCORE', l, '-inf', now)\n"
               "if what == 'take' then\n"
               "  local n = call('ZCARD', l)\n"
               "  for _, held in ipairs(n < max and call('ZRANGE', l, 0, -1) or {}) do\n"
               "    local its = string.match(call('HGET', p..'lease', held) or '', '\\n(%d+)\\n')\n"
               "    if its and tonumber(its) < max then max = tonumber(its) end\n"
               "  end\n"
               "  if n >= max then return 0 end\n"
               "elseif not call('ZSCORE', l, id) then return 0 end\n"
               "if what == 'end' then\n"
               "  call('ZREM', l, id)\n"
               "  call('ZREM', p..'leases', id)\n"
               "  call('HDEL', p..'lease', id)\n"
               "  return 1\n"
               "end\n"
               "call('ZADD', l, now + ttl, id)\n"
               "call('ZADD', p..'leases', now + ttl, id)\n"
               "if what == 'take' then call('HSET', p..'lease', id, key..'\\n'..max_given..'\\n'..holder) end\n"
               "return 1\n",
    /* from, to, limit; then names of sets. Returns so many members of each: at one instant, so that an entry whose health
     * changes is in one of them. */
    [SCRIPT_RING] = COMMON "local from, to, limit, answer = arg(), arg(), arg(), {}\n"
                           "while at <= #ARGV do\n"
                           "  local members = call('ZRANGEBYLEX', p..arg(), from, to, 'LIMIT', 0, limit)\n"
                           "  for _, member in ipairs(members) do answer[#answer + 1] = member end\n"
                           "end\n"
                           "return answer\n",
    /* set, from, after ("": none), limit. Returns members and scores from the score `from` on; behind `after`, if that
     * has this score. Keys of one score are found by rank, however many there are. */
    [SCRIPT_ORDER] = COMMON
    "local z, from, after, limit = p..arg(), arg(), arg(), tonumber(arg())\n"
    "local score = after ~= '' and call('ZSCORE', z, after)\n"
    "local n\n"
    "if score and ('+'..score == from or tonumber(score) == tonumber(from)) then n = call('ZRANK', z, after) + 1\n"
    "else n = call('ZCOUNT', z, '-inf', '('..from) end\n"
    "return call('ZRANGE', z, n, n + limit - 1, 'WITHSCORES')\n",
    /* order: "fetched" or "used"; then of entries that are not in it yet: key, version, fetched. */
    [SCRIPT_RANK] = COMMON "local order = arg()\n"
                           "while at <= #ARGV do\n"
                           "  local key, version, fetched = arg(), arg(), arg()\n"
                           "  local now = call('HMGET', p..'e:'..key, 'version', 'removed', 'count', 'last')\n"
                           "  if now[1] == version and now[2] == '0' then\n"
                           "    if order == 'fetched' then call('ZADD', p..order, fetched, key)\n"
                           "    else call('ZADD', p..order, now[3] or 0, (now[4] or '')..':'..key) end\n"
                           "  end\n"
                           "end\n"
                           "return 0\n",
    /* order: "last", "fetched" or "used". Returns the key of the first entry and its fields; nothing, where there is none; "ORDER",
     * where the order is not kept. */
    [SCRIPT_VICTIM] =
        COMMON "local order = arg()\n"
               "if order ~= 'last' and call('HGET', p..'orders', order) ~= 'whole' then return 'ORDER' end\n"
               "while true do\n"
               "  local first = call('ZRANGE', p..order, 0, 0)[1]\n"
               "  if not first then return false end\n"
               "  local key = order == 'used' and string.match(first, '^%d*:(.*)$') or first\n"
               "  local has = call('HMGET', p..'e:'..key, 'version', 'json', 'count', 'last', 'evicted', 'removed')\n"
               "  if has[6] == '0' then return {key, {has[1], has[2], has[3], has[4], has[5]}} end\n"
               "  call('ZREM', p..order, first)\n"
               "end\n",
};

/* ---- arguments --------------------------------------------------------------------------------------------------- */

void redis_argument(struct redis_arguments *arguments, const char *text, size_t length)
{
    if (arguments->count == arguments->size && !arguments->failed) {
        size_t size = arguments->size ? 2 * arguments->size : 32;
        const char **word = realloc(arguments->word, size * sizeof *word);
        arguments->word = word ? word : arguments->word;
        size_t *lengths = word ? realloc(arguments->length, size * sizeof *lengths) : NULL;
        arguments->length = lengths ? lengths : arguments->length;
        arguments->failed = !lengths;
        arguments->size = lengths ? size : arguments->size;
    }
    if (arguments->failed)
        return;
    arguments->word[arguments->count] = text;
    arguments->length[arguments->count++] = length;
}

void redis_argument_text(struct redis_arguments *arguments, const char *text)
{
    redis_argument(arguments, text, strlen(text));
}

void redis_argument_format(struct redis_arguments *arguments, const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int length = vasprintf(&text, format, values);
    va_end(values);
    if (length < 0) {
        arguments->failed = true;
        return;
    }
    redis_argument_owned(arguments, text, (size_t)length);
}

size_t redis_digits(char text[REDIS_DIGITS_MAX + 1], uint64_t number, unsigned base, unsigned digits)
{
    char reversed[REDIS_DIGITS_MAX];
    size_t length = 0;
    for (; length < REDIS_DIGITS_MAX && (number || length < digits); number /= base)
        reversed[length++] = "0123456789abcdef"[number % base];
    for (size_t i = 0; i < length; i++)
        text[i] = reversed[length - 1 - i];
    text[length] = '\0';
    return length;
}

static void add_digits(struct redis_arguments *arguments, uint64_t number, unsigned base, unsigned digits)
{
    char *text = malloc(REDIS_DIGITS_MAX + 1);
    if (text)
        redis_argument_owned(arguments, text, redis_digits(text, number, base, digits));
    else
        arguments->failed = true;
}

void redis_argument_number(struct redis_arguments *arguments, uint64_t number, unsigned digits)
{
    add_digits(arguments, number, 10, digits);
}

void redis_argument_hex(struct redis_arguments *arguments, uint64_t number, unsigned digits)
{
    add_digits(arguments, number, 16, digits);
}

void redis_argument_owned(struct redis_arguments *arguments, char *text, size_t length)
{
    if (arguments->owned_count == arguments->owned_size) {
        size_t size = arguments->owned_size ? 2 * arguments->owned_size : 32;
        char **owned = realloc(arguments->owned, size * sizeof *owned);
        if (!owned) {
            arguments->failed = true;
            free(text);
            return;
        }
        arguments->owned = owned;
        arguments->owned_size = size;
    }
    arguments->owned[arguments->owned_count++] = text;
    redis_argument(arguments, text, length);
}

void redis_arguments_free(struct redis_arguments *arguments)
{
    for (size_t i = 0; i < arguments->owned_count; i++)
        free(arguments->owned[i]);
    free(arguments->owned);
    free(arguments->word);
    free(arguments->length);
    *arguments = (struct redis_arguments){.count = 0};
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

pxt_status redis_scripts_load(struct redis *redis, struct redis_connection *connection, int64_t deadline,
                              struct pxt_error *error)
{
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        redisReply *reply = NULL;
        if (!redis_append_format(connection, "SCRIPT LOAD %s", redis_script[i]))
            return redis->host->fail(redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
        pxt_status status = redis_send(redis, connection, deadline, error);
        if (!status)
            status = redis_receive(redis, connection, deadline, &reply, NULL, error);
        if (!status && (reply->type != REDIS_REPLY_STRING || reply->len != 40))
            status = redis_malformed(redis, error);
        else if (!status &&
                 !redis->sha[i][0]) /* later calls, of the watching thread, find the same and store nothing */
            memcpy(redis->sha[i], reply->str, 41);
        freeReplyObject(reply);
        if (status)
            return status;
    }
    return PXT_OK;
}

void redis_script_begin(struct redis *redis, enum redis_script script, struct redis_arguments *arguments)
{
    *arguments = (struct redis_arguments){.script = script};
    redis_argument_text(arguments, "EVALSHA");
    redis_argument_text(arguments, redis->sha[script]);
    redis_argument_text(arguments, "0");
    redis_argument_text(arguments, redis->prefix);
    redis_argument_text(arguments, redis->channel);
    redis_argument_text(arguments, redis->identity);
}

pxt_status redis_script_add(struct redis_request *request, struct redis_arguments *arguments, struct pxt_error *error)
{
    if (arguments->failed)
        return request->redis->host->fail(request->redis->host, error, PXT_ENOMEM, 0, "no memory for a command");
    return redis_add(request, arguments->count, arguments->word, arguments->length, error);
}

pxt_status redis_script_run(struct redis *redis, struct redis_arguments *arguments, redisReply **reply,
                            struct pxt_error *error)
{
    struct redis_request request;
    struct pxt_error own;
    struct pxt_error *told = error ? error : &own;
    pxt_status status = redis_begin(redis, &request, told);
    if (status)
        return status;
    for (int i = 0; i < 2; i++) {
        status = redis_script_add(&request, arguments, told);
        if (!status)
            status = redis_flush(&request, told);
        if (!status)
            status = redis_reply(&request, reply, told);
        if (!status || !redis_is_unknown_script(told) || arguments->failed)
            break;
        /* SCRIPT FLUSH by somebody: then it is handed over again. */
        arguments->word[0] = "EVAL";
        arguments->length[0] = 4;
        arguments->word[1] = redis_script[arguments->script];
        arguments->length[1] = strlen(redis_script[arguments->script]);
    }
    redis_end(&request);
    return status;
}
