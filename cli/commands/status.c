/* SPDX-License-Identifier: MIT
 *
 * status.c: proxtier status
 */
#include "command.h"
#include <inttypes.h>
#include <string.h>

/* What becomes of it: a tier of this configuration, or a member of the pool that is not in it. */
enum condition { WELL, IN_DOUBT, OFF, ABSENT, MISSING };

struct row {
    char name[64];
    enum condition condition;
    bool member;
    uint64_t doubted, ahead;
    const struct pxt_tier_stats *tier; /* NULL: missing */
};
struct screen {
    struct pxt_stats stats;
    struct row row[2 * PXT_CHAIN_MAX];
    unsigned rows;
    const char *page;
};

static enum condition condition_of(const struct pxt_tier_stats *tier)
{
    if (tier->state == PXT_TIER_ABSENT)
        return ABSENT;
    if (tier->state != PXT_TIER_ON)
        return OFF;
    return tier->doubted ? IN_DOUBT : WELL;
}

static bool add_member(void *arg, const struct pxt_member *member)
{
    struct screen *screen = arg;
    struct row *row = &screen->row[member->tier < 0 ? screen->rows++ : (unsigned)member->tier];
    if (member->tier < 0) {
        snprintf(row->name, sizeof row->name, "%s", member->name);
        row->condition = MISSING;
    }
    row->member = true;
    row->doubted = member->doubted;
    row->ahead = member->ahead;
    return true;
}

static pxt_status look(pxt_cache *cache, struct screen *screen, struct pxt_error *error)
{
    pxt_status status = pxt_cache_stats(cache, &screen->stats, error);
    for (uint32_t i = 0; !status && i < screen->stats.tier_count; i++) {
        const struct pxt_tier_stats *tier = &screen->stats.tier[i];
        struct row *row = &screen->row[screen->rows++];
        *row = (struct row){.condition = condition_of(tier), .tier = tier};
        snprintf(row->name, sizeof row->name, "%s", tier->name);
    }
    screen->page = pxt_cache_page(cache);
    return status ? status : pxt_cache_members(cache, add_member, screen, error);
}

/* What is due, as a sentence; nothing if all is well. */
static void print_due(FILE *out, const struct row *row)
{
    switch (row->condition) {
    case WELL:
        break;
    case IN_DOUBT:
        fprintf(out, "%s may lack changes: it is repaired as soon as all members are on; `proxtier expire` does it now",
                row->name);
        break;
    case OFF:
        fprintf(out, "%s failed too often and is not used: it is tried again; `proxtier expire` does it now",
                row->name);
        break;
    case ABSENT:
        fprintf(out,
                "%s cannot be opened: mend it; or take it out of the configuration and run `proxtier tier forget %s`",
                row->name, row->name);
        break;
    case MISSING:
        fprintf(out,
                "%s belongs to the pool and is not in this configuration: put it back; or give up what it alone has: "
                "`proxtier tier forget %s`",
                row->name, row->name);
    }
}

static const char *condition_name(const struct row *row)
{
    static const char *const names[] = {"on", "on", "off", "absent", "not in this chain"};
    return names[row->condition];
}

static void print_row(const struct row *row)
{
    printf("%-8s %s", row->name, condition_name(row));
    if (row->tier && row->condition <= IN_DOUBT)
        printf(", %" PRIu64 " entries", row->tier->size);
    if (row->tier && row->tier->tombstones > 0)
        printf(", %" PRId64 " tombstones", row->tier->tombstones);
    if (row->ahead)
        printf(", %" PRIu64 " versions too far ahead of the clock", row->ahead);
    if (row->doubted)
        printf(", in doubt for %" PRIu64 " of 32768 groups of keys", row->doubted);
    if (row->tier && row->condition > IN_DOUBT && row->tier->reason[0])
        printf(": %s", row->tier->reason);
    putchar('\n');
}

static void print_screen(const struct screen *screen, bool well)
{
    for (unsigned i = 0; i < screen->rows; i++)
        print_row(&screen->row[i]);
    if (screen->stats.checkpoint) {
        fputs("all members agree on all changes up to ", stdout);
        print_time(stdout, screen->stats.checkpoint);
        putchar('\n');
    }
    if (screen->page)
        printf("page: %s\n", screen->page);
    for (unsigned i = 0; i < screen->rows; i++)
        if (screen->row[i].condition != WELL) {
            fputs("due: ", stdout);
            print_due(stdout, &screen->row[i]);
            putchar('\n');
        }
    if (well)
        puts("all is well");
}

static void print_json_row(const struct row *row)
{
    char due[600] = "";
    fputs("{\"name\": ", stdout);
    print_json_text(stdout, row->name);
    printf(", \"state\": \"%s\", \"member\": %s, \"doubted\": %" PRIu64 ", \"size\": ", condition_name(row),
           row->member ? "true" : "false", row->doubted);
    if (row->tier && row->condition <= IN_DOUBT)
        printf("%" PRIu64, row->tier->size);
    else
        fputs("null", stdout);
    fputs(", \"tombstones\": ", stdout);
    if (row->tier && row->tier->tombstones >= 0)
        printf("%" PRId64, row->tier->tombstones);
    else
        fputs("null", stdout);
    printf(", \"ahead\": %" PRIu64, row->ahead);
    fputs(", \"reason\": ", stdout);
    print_json_text(stdout, row->tier ? row->tier->reason : "");
    FILE *text = fmemopen(due, sizeof due, "w");
    if (text) {
        print_due(text, row);
        fclose(text);
    }
    fputs(", \"due\": ", stdout);
    print_json_text(stdout, due);
    putchar('}');
}

static void print_json_screen(const struct screen *screen, bool well)
{
    printf("{\"schema\": 1, \"well\": %s, \"checkpoint\": ", well ? "true" : "false");
    if (screen->stats.checkpoint) {
        putchar('"');
        print_time(stdout, screen->stats.checkpoint);
        putchar('"');
    } else {
        fputs("null", stdout);
    }
    fputs(", \"page\": ", stdout);
    if (screen->page)
        print_json_text(stdout, screen->page);
    else
        fputs("null", stdout);
    fputs(", \"tiers\": [", stdout);
    for (unsigned i = 0; i < screen->rows; i++) {
        fputs(i ? ", " : "", stdout);
        print_json_row(&screen->row[i]);
    }
    puts("]}");
}

int run_status(struct invocation *invocation)
{
    struct pxt_error error;
    struct screen screen = {.stats = {.size = sizeof screen.stats}};
    pxt_cache *cache;
    bool well = true;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = look(cache, &screen, &error);
    for (unsigned i = 0; i < screen.rows; i++)
        well = well && screen.row[i].condition == WELL;
    if (!status && option(invocation, "json"))
        print_json_screen(&screen, well);
    else if (!status)
        print_screen(&screen, well);
    pxt_cache_close(cache);
    return status ? fail(&error) : finish_output(well ? 0 : EXIT_LACKING);
}
