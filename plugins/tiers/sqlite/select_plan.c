/* SPDX-License-Identifier: MIT
 *
 * select_plan.c: what a selection asks for, as sets that have an index.
 */
#include "select.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void add(struct select_plan *plan, enum select_kind kind, unsigned degree, bool exact, const char *text,
                size_t length)
{
    if (plan->candidates < SELECT_CANDIDATES_MAX)
        plan->candidate[plan->candidates++] = (struct select_candidate){
            .kind = (uint8_t)kind, .degree = (uint8_t)degree, .exact = exact, .text = text, .length = (int)length};
}

/* The pattern in SQLite's language, where a bracket begins a set of characters. */
static void make_glob(char *glob, const char *host)
{
    for (; *host; host++)
        if (*host == '[')
            glob += sprintf(glob, "[[]");
        else
            *glob++ = *host;
    *glob = '\0';
}

/* "10.0.*": two labels at the left, which are all that is asked for. */
static void plan_left(struct select_plan *plan, size_t fixed)
{
    unsigned labels = 0;
    size_t end = 0;
    for (size_t i = 0; i < fixed && labels < SELECT_LABEL_MAX; i++)
        if (plan->host[i] == '.') {
            labels++;
            end = i + 1;
        }
    if (labels)
        add(plan, SELECT_LEFT, labels, end == fixed && !strcmp(plan->host + fixed, "*"), plan->host, end);
}

/* "*.example.com": likewise at the right. */
static void plan_right(struct select_plan *plan, size_t length, size_t fixed)
{
    unsigned labels = 0;
    size_t begin = length;
    for (size_t i = length; i > length - fixed && labels < SELECT_LABEL_MAX; i--)
        if (plan->host[i - 1] == '.') {
            labels++;
            begin = i - 1;
        }
    if (labels)
        add(plan, SELECT_RIGHT, labels, begin == 1 && plan->host[0] == '*', plan->host + begin, length - begin);
}

static bool plan_host(struct select_plan *plan, const char *host)
{
    size_t length = strlen(host);
    if (length >= sizeof plan->host)
        return false;
    for (size_t i = 0; i <= length; i++)
        plan->host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] - 'A' + 'a' : host[i]);
    make_glob(plan->glob, plan->host);
    size_t left = strcspn(plan->host, "*?"), right = 0;
    while (right < length && !strchr("*?", plan->host[length - 1 - right]))
        right++;
    if (left == length) {
        add(plan, SELECT_HOST, 0, true, plan->host, length);
    } else {
        plan_left(plan, left);
        plan_right(plan, length, right);
    }
    return true;
}

static bool plan_tag(struct select_plan *plan, const char *tag)
{
    size_t length = strlen(tag);
    plan->impossible |= !length || strchr(tag, ',');
    if (length > PXT_KEY_MAX)
        return false;
    snprintf(plan->tag, sizeof plan->tag, ",%s,", tag);
    add(plan, SELECT_TAG, 0, true, plan->tag + 1, length);
    return true;
}

static void plan_latency(struct select_plan *plan, double max_ms)
{
    if (!(max_ms >= 0))
        return;
    plan->latency = max_ms < (double)PXT_COUNT_MAX / 1000 ? (int64_t)floor(max_ms * 1000) : PXT_COUNT_MAX;
    for (unsigned degree = 0; degree <= SELECT_LATENCY_MAX && plan->order != PXT_ORDER_FASTEST; degree++)
        if (plan->latency <= select_latency_of(degree)) {
            add(plan, SELECT_LATENCY, degree, true, NULL, 0);
            return;
        }
}

static void plan_expiry(struct select_plan *plan, const struct pxt_select *select)
{
    int64_t least = select->selection->min_ttl > 0 ? select->selection->min_ttl : 0;
    pxt_time after = select->now + 1;
    plan->expires_any = sqlite_seconds_of(after);
    plan->impossible |= least > (PXT_TIME_MAX - select->now) / PXT_SECOND;
    if (!plan->impossible && least)
        after = select->now + least * PXT_SECOND;
    plan->expires = sqlite_seconds_of(after);
}

bool sqlite_select_plan(struct select_plan *plan, const struct pxt_select *select)
{
    const struct pxt_selection *selection = select->selection;
    const unsigned all = PXT_HEALTH_BIT(PXT_HEALTH_COUNT) - 1;
    bool fits = true;
    *plan = (struct select_plan){.selection = selection, .order = select->order, .latency = -1};
    plan->health = selection->health & all;
    plan->impossible = selection->health && !plan->health;
    if (plan->health == all)
        plan->health = 0;
    plan_expiry(plan, select);
    if (selection->host)
        fits = plan_host(plan, selection->host);
    if (selection->tag)
        fits &= plan_tag(plan, selection->tag);
    if (selection->source)
        add(plan, SELECT_SOURCE, 0, true, selection->source, strlen(selection->source));
    if (selection->country)
        add(plan, SELECT_COUNTRY, 0, true, selection->country, strlen(selection->country));
    if (selection->max_failures >= 0 && selection->max_failures <= SELECT_FAILURES_MAX)
        add(plan, SELECT_FAILURES, (unsigned)selection->max_failures, true, NULL, 0);
    plan_latency(plan, selection->max_latency_ms);
    if (selection->scheme)
        add(plan, SELECT_SCHEME, 0, true, selection->scheme, strlen(selection->scheme));
    if (!plan->candidates)
        add(plan, SELECT_ALL, 0, true, NULL, 0);
    return fits;
}
