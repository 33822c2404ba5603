/* SPDX-License-Identifier: MIT
 *
 * config.c: proxtier config check | show | schema | import FILE.toml
 */
#include "command.h"
#include <stdlib.h>
#include <string.h>

static int check(const struct invocation *invocation)
{
    struct pxt_error error;
    char *path = NULL;
    bool bad = pxt_config_path(&invocation->open, &path, &error) || pxt_config_check(&invocation->open, &error);
    if (option(invocation, "json"))
        print_result("config",
                     (struct result_value[]){{.text = path}, {.number = !bad}, {.text = bad ? error.message : NULL}});
    else if (!bad)
        printf("%s: ok\n", path);
    free(path);
    return bad ? fail(&error) : 0;
}

static void print_one(void *arg, const struct pxt_config_value *value)
{
    (void)arg;
    print_result("config show", (struct result_value[]){{.text = value->section},
                                                        {.text = value->tier},
                                                        {.text = value->name},
                                                        {.text = value->value},
                                                        {.text = value->origin},
                                                        {.number = value->line, .null = !value->line}});
}

static int show(const struct invocation *invocation)
{
    struct pxt_error error;
    char *text = NULL;
    if (option(invocation, "json"))
        return pxt_config_each(&invocation->open, print_one, NULL, &error) ? fail(&error) : 0;
    if (pxt_config_show(&invocation->open, option(invocation, "origin") != NULL, &text, &error))
        return fail(&error);
    fputs(text, stdout);
    free(text);
    return 0;
}

static int schema(const struct invocation *invocation)
{
    struct pxt_error error;
    return print_config_schema(invocation, &error) ? fail(&error) : 0;
}

int run_config(struct invocation *invocation)
{
    const char *what = invocation->arguments[0];
    if (!strcmp(what, "import") && invocation->count == 2)
        return finish_output(config_import(invocation, invocation->arguments[1]));
    if (invocation->count > 1 && strcmp(what, "import"))
        return usage(invocation, "config %s takes no \"%s\"", what, invocation->arguments[1]);
    if (option(invocation, "json") && strcmp(what, "check") && strcmp(what, "show"))
        return usage(invocation, "--json is for config check and config show");
    if (!strcmp(what, "check"))
        return finish_output(check(invocation));
    if (!strcmp(what, "show"))
        return finish_output(show(invocation));
    if (!strcmp(what, "schema"))
        return finish_output(schema(invocation));
    if (!strcmp(what, "import"))
        return usage(invocation, "config import needs a FILE");
    return check_word(invocation, "config:", what, invocation->command->arguments);
}
