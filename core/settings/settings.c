/* SPDX-License-Identifier: MIT
 *
 * settings.c: what YAML says, typed and bounded by a table of declared options. Scalars are text until a table gives
 * them a type: nothing is guessed.
 */
#include "settings/settings.h"
#include "base/didyoumean.h"
#include "base/fail.h"
#include "base/paths.h"
#include "settings/option_pairs.h"
#include "settings/secret_source.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value {
    const struct pxt_option *option;
    bool present, given;
    int64_t number;
    char *text;
    pxt_secret *secret;       /* once it is read */
    struct pxt_origin origin; /* for `config show --origin` */
};
struct pxt_settings {
    size_t count;
    struct value value[];
};

void pxt_settings_free(struct pxt_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->count; i++) {
        pxt_free(settings->value[i].text);
        pxt_secret_free(settings->value[i].secret);
    }
    pxt_free(settings);
}

static const struct value *find(const struct pxt_settings *settings, const char *name)
{
    for (size_t i = 0; settings && i < settings->count; i++)
        if (!strcmp(settings->value[i].option->name, name))
            return &settings->value[i];
    return NULL;
}

const char *pxt_settings_text(const struct pxt_settings *settings, const char *name)
{
    const struct value *value = find(settings, name);
    return value && value->present ? value->text : NULL;
}

const char *pxt_settings_secret(const struct pxt_settings *settings, const char *name, size_t *length)
{
    const struct value *value = find(settings, name);
    return value && value->secret ? pxt_secret_text(value->secret, length) : NULL;
}

int64_t pxt_settings_number(const struct pxt_settings *settings, const char *name)
{
    const struct value *value = find(settings, name);
    return value && value->present ? value->number : 0;
}

bool pxt_settings_given(const struct pxt_settings *settings, const char *name)
{
    const struct value *value = find(settings, name);
    return value && value->given;
}

struct pxt_origin pxt_settings_origin(const struct pxt_settings *settings, const char *name)
{
    const struct value *value = find(settings, name);
    return value && value->given ? value->origin : (struct pxt_origin){NULL, 0};
}

/* ---- numbers with units ----------------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit durations[] = {{"", 1000000},      {"us", 1},           {"ms", 1000},
                                        {"s", 1000000},     {"m", 60000000},     {"h", 3600000000},
                                        {"d", 86400000000}, {"w", 604800000000}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", INT64_C(1) << 40}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum pxt_option_type type)
{
    return type == PXT_OPTION_DURATION ? durations : type == PXT_OPTION_SIZE ? sizes : plain;
}

bool pxt_settings_read_quantity(const char *text, enum pxt_option_type type, int64_t *out)
{
    const struct unit *unit = units_of(type);
    bool minus = text[0] == '-' && type == PXT_OPTION_INTEGER;
    const char *at = text + minus;
    int64_t number = 0;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number))
            return false;
    while (unit->name && strcmp(unit->name, at))
        unit++;
    if (!unit->name || __builtin_mul_overflow(number, unit->factor, &number))
        return false;
    *out = minus ? -number : number;
    return true;
}

/* The shortest way to write it: 1h rather than 3600s. */
void pxt_settings_write_quantity(int64_t number, enum pxt_option_type type, char *out, size_t size)
{
    const struct unit *units = units_of(type), *best = &units[type == PXT_OPTION_DURATION];
    for (const struct unit *unit = units; unit->name; unit++)
        if (*unit->name && number && number % unit->factor == 0 && unit->factor >= best->factor)
            best = unit;
    if (type == PXT_OPTION_DURATION && !number)
        snprintf(out, size, "0s");
    else
        snprintf(out, size, "%lld%s", (long long)(number / best->factor),
                 best->factor == 1 && type != PXT_OPTION_DURATION ? "" : best->name);
}

static const char *expectation(enum pxt_option_type type)
{
    switch (type) {
    case PXT_OPTION_INTEGER:
        return "a whole number such as 1000";
    case PXT_OPTION_BOOL:
        return "true or false";
    case PXT_OPTION_DURATION:
        return "a time such as 90s, 15m, 1h or 7d";
    case PXT_OPTION_SIZE:
        return "a size such as 64KiB or 16MiB";
    case PXT_OPTION_SECRET:
        return "where the secret comes from, as file:PATH, env:NAME, credential:NAME or command:COMMAND,";
    default:
        return "a text";
    }
}

static bool one_of(const char *text, const char *choices)
{
    size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, text, length) && (at[length] == '|' || !at[length]))
            return true;
    }
    return false;
}

/* ---- one value -------------------------------------------------------------------------------------------------- */

/* What is wrong with a value, and the room for saying so. */
struct problem {
    char text[600];
};

static pxt_status unexpected(const struct pxt_option *option, const char *text, struct problem *problem)
{
    snprintf(problem->text, sizeof problem->text, "%s is \"%s\": %s%s%s is expected", option->name, text,
             expectation(option->type), option->choices ? ", or " : "", option->choices ? option->choices : "");
    return PXT_ECONFIG;
}

static pxt_status type_number(const struct pxt_option *option, const char *text, int64_t *number,
                              struct problem *problem)
{
    char low[40], high[40];
    *number = -1;
    if (option->choices && one_of(text, option->choices))
        return PXT_OK;
    if (!pxt_settings_read_quantity(text, option->type, number))
        return unexpected(option, text, problem);
    bool bounded = option->min || option->max;
    if (bounded ? *number >= option->min && *number <= option->max : *number >= 0)
        return PXT_OK;
    pxt_settings_write_quantity(option->min, option->type, low, sizeof low);
    pxt_settings_write_quantity(option->max ? option->max : INT64_MAX, option->type, high, sizeof high);
    snprintf(problem->text, sizeof problem->text, "%s is out of bounds: %s must be between %s and %s", text,
             option->name, low, option->max ? high : "any number");
    return PXT_ECONFIG;
}

static pxt_status expand_path(const struct pxt_option *option, const char *text, char **out, struct problem *problem,
                              struct pxt_error *error)
{
    struct pxt_error local;
    if (*text && !strchr("/~$", *text)) { /* the working directory of a service is rarely what was meant */
        snprintf(problem->text, sizeof problem->text,
                 "%s is \"%s\", a relative path: begin it with /, ~/, ${cache}/, ${state}/ or ${config}/", option->name,
                 text);
        return PXT_ECONFIG;
    }
    pxt_status status = pxt_path_expand(text, out, &local);
    if (status == PXT_ECONFIG)
        snprintf(problem->text, sizeof problem->text, "%.599s", local.message);
    else if (status && error)
        *error = local;
    return status;
}

/* Types `text` and keeps it. PXT_ECONFIG: `problem` says what is wrong, and `error` is not filled. */
static pxt_status type_value(struct value *value, const char *text, struct problem *problem, struct pxt_error *error)
{
    const struct pxt_option *option = value->option;
    char *kept = NULL;
    pxt_status status = PXT_OK;
    switch (option->type) {
    case PXT_OPTION_BOOL:
        value->number = !strcmp(text, "true");
        status = value->number || !strcmp(text, "false") ? PXT_OK : unexpected(option, text, problem);
        break;
    case PXT_OPTION_INTEGER:
    case PXT_OPTION_DURATION:
    case PXT_OPTION_SIZE:
        status = type_number(option, text, &value->number, problem);
        break;
    case PXT_OPTION_PATH:
        status = expand_path(option, text, &kept, problem, error);
        break;
    case PXT_OPTION_CHOICE:
        if (!one_of(text, option->choices)) {
            snprintf(problem->text, sizeof problem->text, "%s is not one of %s for %s", text, option->choices,
                     option->name);
            status = PXT_ECONFIG;
        }
        break;
    case PXT_OPTION_SECRET:
        if (!pxt_secret_source_is_good(text)) {
            snprintf(
                problem->text, sizeof problem->text,
                "%s is a secret, which does not stand in a configuration: say where it comes from, with file:PATH, "
                "env:NAME, credential:NAME or command:COMMAND",
                option->name);
            status = PXT_ECONFIG;
        }
        break;
    default:
        break;
    }
    if (!status && !kept && !(kept = pxt_strdup(text)))
        status = pxt_fail_memory(error, "a setting");
    if (status)
        return status;
    pxt_free(value->text);
    value->text = kept;
    value->present = true;
    return PXT_OK;
}

/* Whether a text without quotes stands for no value: the option keeps its default. */
static bool is_null(const char *text)
{
    return !*text || !strcmp(text, "null") || !strcmp(text, "~");
}

static pxt_status set_from(struct value *value, const struct pxt_yaml_node *node, struct pxt_error *error)
{
    struct problem problem = {""};
    if (node->kind != PXT_YAML_SCALAR)
        return pxt_yaml_fail(error, node, "%s: %s is expected, not a list or map", value->option->name,
                             expectation(value->option->type));
    if (node->plain && is_null(node->scalar))
        return PXT_OK;
    pxt_status status = type_value(value, node->scalar, &problem, error);
    if (status == PXT_ECONFIG)
        return pxt_yaml_fail(error, node, "%s", problem.text);
    value->given = !status;
    value->origin = (struct pxt_origin){node->file, node->line};
    return status;
}

pxt_status pxt_settings_override(struct pxt_settings *settings, const char *name, const char *text, const char *origin,
                                 struct pxt_error *error)
{
    struct problem problem = {""};
    struct value *value = (struct value *)(uintptr_t)find(settings, name);
    pxt_status status = type_value(value, text, &problem, error);
    if (status == PXT_ECONFIG)
        return pxt_fail(error, PXT_ECONFIG, 0, "%s: %s", origin, problem.text);
    value->given = !status;
    value->origin = (struct pxt_origin){origin, 0};
    return status;
}

/* ---- a whole map ------------------------------------------------------------------------------------------------ */

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static void nearer(const char *word, const char *name, unsigned *nearest, const char **best)
{
    unsigned distance;
    if (pxt_word_near(word, name, &distance) && distance < *nearest) {
        *nearest = distance;
        *best = name;
    }
}

/* "unknown option ..." with the nearest known name, if one is near. */
static void say_unknown(const struct pxt_option *table, const char *const *known, const char *name, const char *whose,
                        struct problem *problem)
{
    const char *best = NULL;
    unsigned nearest = 99;
    for (const struct pxt_option *option = table; option && option->name; option++)
        nearer(name, option->name, &nearest, &best);
    for (; known && *known; known++)
        nearer(name, *known, &nearest, &best);
    size_t size = sizeof problem->text;
    int length = snprintf(problem->text, size, "unknown option \"%s\" of %s", name, whose);
    if (best && length > 0 && (size_t)length < size)
        snprintf(problem->text + length, size - (size_t)length, " (did you mean \"%s\"?)", best);
}

struct reading {
    const struct pxt_option *table;
    const char *const *known;
    const char *whose;
    bool partly; /* names that neither the table nor `known` has are left to the caller too */
};

static pxt_status apply_map(struct pxt_settings *settings, const struct reading *reading,
                            const struct pxt_yaml_node *map, struct pxt_error *error)
{
    struct problem problem = {""};
    for (size_t i = 0; i < map->count; i++) {
        const char *name = map->name[i]->scalar;
        struct value *value = (struct value *)(uintptr_t)find(settings, name);
        bool callers = listed(reading->known, name);
        if (value && !(callers && map->child[i]->kind != PXT_YAML_SCALAR)) {
            pxt_status status = set_from(value, map->child[i], error);
            if (status)
                return status;
        } else if (!callers && !reading->partly) {
            say_unknown(reading->table, reading->known, name, reading->whose, &problem);
            return pxt_yaml_fail(error, map->name[i], "%s", problem.text);
        }
    }
    return PXT_OK;
}

static struct pxt_settings *new_settings(const struct pxt_option *table)
{
    size_t count = 0;
    while (table && table[count].name)
        count++;
    struct pxt_settings *settings = pxt_alloc(sizeof *settings + count * sizeof settings->value[0]);
    if (!settings)
        return NULL;
    settings->count = count;
    for (size_t i = 0; i < count; i++)
        settings->value[i].option = &table[i];
    return settings;
}

/* Gives every option that has no value yet its default. */
static pxt_status apply_defaults(struct pxt_settings *settings, const char *whose, struct pxt_error *error)
{
    struct problem problem = {""};
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < settings->count && !status; i++) {
        const struct pxt_option *option = settings->value[i].option;
        if (settings->value[i].present || !option->default_text)
            continue;
        status = type_value(&settings->value[i], option->default_text, &problem, error);
        if (status == PXT_ECONFIG)
            status = pxt_fail(error, PXT_ECONFIG, 0, "the default of %s of %s does not hold: %s", option->name, whose,
                              problem.text);
    }
    return status;
}

static pxt_status read_map(const struct reading *reading, const struct pxt_yaml_node *map, struct pxt_settings **out,
                           struct pxt_error *error)
{
    struct pxt_settings *settings = new_settings(reading->table);
    pxt_status status = settings ? PXT_OK : pxt_fail_memory(error, "settings");
    if (!status && map && map->kind != PXT_YAML_MAP)
        status = pxt_yaml_fail(error, map, "options of %s are expected as NAME: VALUE", reading->whose);
    else if (!status && map)
        status = apply_map(settings, reading, map, error);
    if (!status)
        status = apply_defaults(settings, reading->whose, error);
    if (status)
        pxt_settings_free(settings);
    else
        *out = settings;
    return status;
}

pxt_status pxt_settings_read(const struct pxt_option *table, const struct pxt_yaml_node *map, const char *const *known,
                             const char *whose, struct pxt_settings **out, struct pxt_error *error)
{
    struct reading reading = {table, known, whose, false};
    return read_map(&reading, map, out, error);
}

pxt_status pxt_settings_read_partly(const struct pxt_option *table, const struct pxt_yaml_node *map,
                                    const char *const *known, const char *whose, struct pxt_settings **out,
                                    struct pxt_error *error)
{
    struct reading reading = {table, known, whose, true};
    return read_map(&reading, map, out, error);
}

/* ---- one line, or a table --------------------------------------------------------------------------------------- */

static pxt_status set_named(struct pxt_settings *settings, const struct pxt_option *table, const char *name,
                            const char *text, bool quoted, const char *whose, struct pxt_error *error)
{
    struct problem problem = {""};
    struct value *value = (struct value *)(uintptr_t)find(settings, name);
    pxt_status status = PXT_ECONFIG;
    if (value && value->given)
        snprintf(problem.text, sizeof problem.text, "\"%s\" is given twice", name);
    else if (value && !quoted && is_null(text))
        return PXT_OK;
    else if (value)
        status = type_value(value, text, &problem, error);
    else
        say_unknown(table, NULL, name, whose, &problem);
    if (status == PXT_ECONFIG)
        return pxt_fail(error, PXT_ECONFIG, 0, "options: %s", problem.text);
    if (!status) {
        value->given = true;
        value->origin = (struct pxt_origin){"options", 0};
    }
    return status;
}

pxt_status pxt_settings_read_pairs(const struct pxt_option *table, const char *pairs, const char *whose,
                                   struct pxt_settings **out, struct pxt_error *error)
{
    struct pxt_settings *settings = new_settings(table);
    struct pxt_option_pair pair;
    pxt_status status = settings ? PXT_OK : pxt_fail_memory(error, "settings");
    for (const char *at = pairs ? pairs : ""; !status;) {
        status = pxt_option_pair_next(&at, &pair, error);
        if (status)
            break;
        status = set_named(settings, table, pair.name, pair.value, pair.quoted, whose, error);
        pxt_option_pair_free(&pair);
    }
    if (status == PXT_NOT_FOUND)
        status = apply_defaults(settings, whose, error);
    if (status)
        pxt_settings_free(settings);
    else
        *out = settings;
    return status;
}

pxt_status pxt_settings_read_values(const struct pxt_option *table, const struct pxt_option_value *values,
                                    const char *whose, struct pxt_settings **out, struct pxt_error *error)
{
    struct pxt_settings *settings = new_settings(table);
    pxt_status status = settings ? PXT_OK : pxt_fail_memory(error, "settings");
    for (; !status && values && values->name; values++)
        status = set_named(settings, table, values->name, values->value, true, whose, error);
    if (!status)
        status = apply_defaults(settings, whose, error);
    if (status)
        pxt_settings_free(settings);
    else
        *out = settings;
    return status;
}

/* ---- secrets ---------------------------------------------------------------------------------------------------- */

pxt_status pxt_settings_read_secrets(struct pxt_settings *settings, const char *whose, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t i = 0; settings && i < settings->count && !status; i++) {
        struct value *value = &settings->value[i];
        if (value->option->type != PXT_OPTION_SECRET || !value->present || value->secret)
            continue;
        status = pxt_secret_source_read(value->text, &value->secret, error);
        if (status)
            pxt_error_prefix(error, "the secret %s of %s", value->option->name, whose);
    }
    return status;
}
