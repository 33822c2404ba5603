/* SPDX-License-Identifier: MIT
 *
 * tier.c: proxtier tier forget NAME
 */
#include "command.h"
#include <inttypes.h>
#include <string.h>

/* What is known of a member before it is forgotten. */
struct forgotten {
    const char *name;
    uint64_t doubted, alone;
};

static bool look(void *arg, const struct pxt_member *member)
{
    struct forgotten *forgotten = arg;
    if (member->tier < 0 && !strcmp(member->name, forgotten->name)) {
        forgotten->doubted = member->doubted;
        forgotten->alone = member->alone;
    }
    return true;
}

int run_tier(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    struct forgotten forgotten = {.name = invocation->arguments[1]};
    int code = check_word(invocation, "tier:", invocation->arguments[0], "forget");
    if (code >= 0)
        return code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_members(cache, look, &forgotten, &error);
    if (!status)
        status = pxt_cache_forget_tier(cache, forgotten.name, &error);
    pxt_cache_close(cache);
    if (status)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("tier", (struct result_value[]){
                                 {.text = forgotten.name}, {.number = forgotten.doubted}, {.number = forgotten.alone}});
    else
        printf("%s is forgotten. Of 32768 groups of keys it was in doubt for %" PRIu64 "; for %" PRIu64
               " it alone may have had the newest version, which is given up.\n",
               forgotten.name, forgotten.doubted, forgotten.alone);
    return finish_output(0);
}
