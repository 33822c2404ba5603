/* SPDX-License-Identifier: MIT
 *
 * A report that removes an entry for its failures, while another host changes the entry: the report is made again from what that
 * host has left, as every change is.
 */
#include "cache/cache_private.h"
#include "hosts.h"

static const struct pxt_tier_ops *lower;
static struct pxt_tier_ops above;
static pxt_cache *other;
static bool armed;

/* When the entry was read, the other host reports a success. */
static pxt_status get_late(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *why)
{
    pxt_status status = lower->get(self, key, flags, out, why);
    if (armed) {
        armed = false;
        is_int(report(other, "k", true), PXT_OK, "meanwhile b changes it");
    }
    return status;
}

static void another_host_comes_between(void)
{
    static const struct host host_a = {"a", false, false, "", NULL}, host_b = {"b", false, false, "", NULL};
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = other = open_host(&host_b);
    struct pxt_tier *far = &a->chain.tier[1];
    lower = far->ops;
    above = *lower;
    above.get = get_late;
    far->ops = &above;
    is_int(put(a, "k", 1), PXT_OK, "a puts");
    is_int(report(a, "k", false), PXT_OK, "a reports a failure");
    armed = true;
    is_int(report(a, "k", false), PXT_OK, "and another one");
    is_int(get(b, "k"), 1, "the success of b comes before it: it is one failure in a row");
    is_int(get(a, "k"), 1, "a has it too");
    is_int(number_of(b, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), 3, "all reports count");
    is_int(report(b, "k", false), PXT_OK, "one failure more");
    is_int(get(b, "k"), -PXT_NOT_FOUND, "is too many");
    far->ops = lower;
    close_hosts(a, b);
}

int main(void)
{
    begin_tests();
    setenv("PROXTIER_HEALTH_INVALIDATE", "true", 1);
    setenv("PROXTIER_HEALTH_FAILURE_THRESHOLD", "2", 1);
    another_host_comes_between();
    return end_tests();
}
