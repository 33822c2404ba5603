/* SPDX-License-Identifier: MIT
 *
 * export.c: proxtier export [FILE]
 */
#include "command.h"
#include "output_file.h"
#include "selection.h"
#include <errno.h>
#include <string.h>

enum { SHOWN = 10 };
struct exporting {
    const struct invocation *invocation;
    pxt_cache *cache;
    struct pxt_export_options options;
    struct pxt_export_counts counts;
    FILE *rejects; /* of --reject; NULL: none */
};

static void skipped(void *arg, const char *key, const char *reason)
{
    struct exporting *exporting = arg;
    if (exporting->rejects)
        fprintf(exporting->rejects, "%s: %s\n", key, reason);
    if (option(exporting->invocation, "json"))
        print_result("export skipped", (struct result_value[]){{.text = key}, {.text = reason}});
    if (++exporting->counts.skipped <= SHOWN)
        fprintf(stderr, "proxtier: %s is not exported: %s\n", key, reason);
}

static int write_export(void *arg, FILE *file)
{
    struct exporting *exporting = arg;
    struct pxt_error error;
    return pxt_cache_export_as(exporting->cache, file, &exporting->options, &exporting->counts, &error) ? fail(&error)
                                                                                                        : 0;
}

/* Tells what the file does not have. Returns the exit code: as of warm, all or none decides, or any with --strict. */
static int tell(const struct exporting *exporting)
{
    const struct pxt_export_counts *counts = &exporting->counts;
    if (counts->skipped > SHOWN && !exporting->rejects)
        fprintf(stderr, "... and %llu more (see --reject FILE)\n", (unsigned long long)counts->skipped - SHOWN);
    if (counts->skipped)
        fprintf(stderr, "proxtier: %llu not exported\n", (unsigned long long)counts->skipped);
    if (counts->bare && !exporting->invocation->quiet)
        fprintf(stderr, "proxtier: notice: %llu exported without credentials, which --reveal writes in the clear\n",
                (unsigned long long)counts->bare);
    return counts->skipped && (option(exporting->invocation, "strict") || !counts->written) ? EXIT_DATA : 0;
}

static int export_to(struct exporting *exporting, const char *path)
{
    struct pxt_error error;
    if (open_cache(exporting->invocation, &exporting->cache, &error))
        return fail(&error);
    int code = output_file(path, write_export, exporting);
    pxt_cache_close(exporting->cache);
    if (code)
        return code;
    if (option(exporting->invocation, "json"))
        print_result("export", (struct result_value[]){{.text = path},
                                                       {.number = exporting->counts.written},
                                                       {.number = exporting->counts.skipped},
                                                       {.number = exporting->counts.bare}});
    else if (path && strcmp(path, "-"))
        fprintf(stderr, "exported %llu\n", (unsigned long long)exporting->counts.written);
    return tell(exporting);
}

int run_export(struct invocation *invocation)
{
    struct exporting exporting = {
        .invocation = invocation, .options = PXT_EXPORT_OPTIONS_INIT, .counts = {.size = sizeof exporting.counts}};
    const char *reject = option(invocation, "reject");
    struct pxt_selection selection;
    struct pxt_error error;
    int code;
    if (!read_filter(invocation, &selection, &code))
        return code;
    if (option(invocation, "json") && (!invocation->count || !strcmp(invocation->arguments[0], "-")))
        return usage(invocation, "--json needs a FILE: the list itself is written to standard output");
    exporting.options.selection = &selection;
    exporting.options.format = option(invocation, "format");
    exporting.options.pattern = option(invocation, "template");
    exporting.options.reveal = option(invocation, "reveal") != NULL;
    exporting.options.skipped = skipped;
    exporting.options.skipped_arg = &exporting;
    if (pxt_export_check(&exporting.options, &error))
        return usage(invocation, "%s", error.message);
    if (reject && !(exporting.rejects = fopen(reject, "we"))) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        return EXIT_CANNOT_CREATE;
    }
    code = export_to(&exporting, invocation->count ? invocation->arguments[0] : NULL);
    if (exporting.rejects && fclose(exporting.rejects)) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        code = code ? code : EXIT_OUTPUT;
    }
    return finish_output(code);
}
