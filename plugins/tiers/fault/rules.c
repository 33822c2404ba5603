/* SPDX-License-Identifier: MIT
 *
 * rules.c: rules such as `put 3 fail ENOSPC; get 10- delay 50ms; put_many every 2 tear`.
 */
#include "fault.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const operation_names[] = {
#define X(name) #name,
    FAULT_OPERATIONS(X)
#undef X
        "any"};

static const struct {
    const char *name;
    pxt_status status;
} statuses[] = {{"EIO", PXT_EIO},       {"ENOSPC", PXT_ENOSPC},     {"EBUSY", PXT_EBUSY},   {"EACCES", PXT_EACCES},
                {"ENOMEM", PXT_ENOMEM}, {"ECORRUPT", PXT_ECORRUPT}, {"EINVAL", PXT_EINVAL}, {NULL, PXT_OK}};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool read_number(const char **text, uint64_t *out)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(*text, &end, 10);
    *text = end;
    *out = number;
    return !errno && number > 0;
}

/* N, N-M, N-, all, or `every N`. */
static const char *read_calls(char **words, unsigned *used, struct fault_rule *rule)
{
    const char *word = words[0];
    rule->first = 1;
    rule->last = UINT64_MAX;
    rule->every = 1;
    *used = 1;
    if (!strcmp(word, "all"))
        return NULL;
    if (!strcmp(word, "every")) {
        *used = 2;
        word = words[1] ? words[1] : "";
        return read_number(&word, &rule->every) && !*word ? NULL : "`every` wants a number from 1";
    }
    if (!read_number(&word, &rule->first))
        return "say which calls: 3, 3-5, 3-, all, or every 3";
    if (!*word)
        rule->last = rule->first;
    else if (*word++ != '-' || (*word && (!read_number(&word, &rule->last) || *word || rule->last < rule->first)))
        return "say which calls: 3, 3-5, 3-, all, or every 3";
    return NULL;
}

static const char *read_delay(const char *word, int64_t *out)
{
    uint64_t number;
    static const char problem[] = "delay wants a time: 500us, 50ms or 2s, at most 1000s";
    if (!word || !read_number(&word, &number) || number > 1000000000)
        return problem;
    uint64_t unit = !strcmp(word, "us") ? 1 : !strcmp(word, "ms") ? 1000 : !strcmp(word, "s") ? 1000000 : 0;
    if (!unit || number * unit > 1000000000)
        return problem;
    *out = (int64_t)(number * unit);
    return NULL;
}

static const char *read_action(char **words, struct fault_rule *rule)
{
    const char *action = words[0] ? words[0] : "";
    rule->status = PXT_EIO;
    if (!strcmp(action, "delay")) {
        rule->action = FAULT_DELAY;
        return words[1] && words[2] ? "there is something behind the time" : read_delay(words[1], &rule->delay_us);
    }
    if (strcmp(action, "fail") && strcmp(action, "tear"))
        return "say what happens: fail, tear or delay";
    rule->action = *action == 'f' ? FAULT_FAIL : FAULT_TEAR;
    if (!words[1])
        return NULL;
    for (int i = 0; statuses[i].name; i++)
        if (!strcmp(words[1], statuses[i].name)) {
            rule->status = statuses[i].status;
            return words[2] ? "there is something behind the error" : NULL;
        }
    return "the error must be EIO, ENOSPC, EBUSY, EACCES, ENOMEM, ECORRUPT or EINVAL";
}

static const char *read_rule(char *text, struct fault_rule *rule)
{
    enum { WORDS = 6 };
    char *words[WORDS + 1] = {NULL}, *rest = NULL;
    unsigned count = 0, used;
    for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (count == WORDS)
            return "it has too many words";
        words[count++] = word;
    }
    for (rule->operation = 0; strcmp(words[0], operation_names[rule->operation]); rule->operation++)
        if (rule->operation == FAULT_ANY)
            return "there is no such operation: use get, put, del, put_many, ... or any";
    if (!words[1])
        return "say which calls: 3, 3-5, 3-, all, or every 3";
    const char *problem = read_calls(words + 1, &used, rule);
    return problem ? problem : read_action(words + 1 + used, rule);
}

pxt_status fault_rules_read(struct fault *fault, const char *text, struct pxt_error *error)
{
    const struct pxt_host *host = fault->host;
    struct fault_rule **end = &fault->rules;
    char *copy = strdup(text ? text : ""), *rest = NULL;
    unsigned number = 0;
    pxt_status status = copy ? PXT_OK : host->fail(host, error, PXT_ENOMEM, 0, "out of memory for faults");
    for (char *part = copy ? strtok_r(copy, ";", &rest) : NULL; part && !status; part = strtok_r(NULL, ";", &rest)) {
        if (!part[strspn(part, " \t")])
            continue;
        struct fault_rule *rule = calloc(1, sizeof *rule);
        const char *problem = rule ? read_rule(part, rule) : "out of memory";
        number++;
        if (rule) {
            *end = rule;
            end = &rule->next;
        }
        if (problem)
            status =
                host->fail(host, error, rule ? PXT_ECONFIG : PXT_ENOMEM, 0, "faults, rule %u: %s", number, problem);
    }
    free(copy);
    return status;
}

void fault_rules_free(struct fault *fault)
{
    for (struct fault_rule *rule = fault->rules, *next; rule; rule = next) {
        next = rule->next;
        free(rule);
    }
}

/* ---- applying --------------------------------------------------------------------------------------------------- */

static bool meets(const struct fault_rule *rule, enum fault_operation operation, uint64_t call, uint64_t any_call)
{
    if (rule->operation != operation && rule->operation != FAULT_ANY)
        return false;
    uint64_t number = rule->operation == FAULT_ANY ? any_call : call;
    return number >= rule->first && number <= rule->last && number % rule->every == 0;
}

static void wait_us(int64_t time)
{
    struct timespec left = {.tv_sec = (time_t)(time / 1000000), .tv_nsec = (long)(time % 1000000 * 1000)};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

const struct fault_rule *fault_meet(struct fault *fault, enum fault_operation operation)
{
    uint64_t call = atomic_fetch_add(&fault->calls[operation], 1) + 1;
    uint64_t any_call = atomic_fetch_add(&fault->calls[FAULT_ANY], 1) + 1;
    const struct fault_rule *fails = NULL;
    for (const struct fault_rule *rule = fault->rules; rule; rule = rule->next) {
        if (!meets(rule, operation, call, any_call))
            continue;
        if (rule->action == FAULT_DELAY)
            wait_us(rule->delay_us);
        else if (!fails)
            fails = rule;
    }
    return fails;
}

pxt_status fault_fail(struct fault *fault, const struct fault_rule *rule, enum fault_operation operation,
                      struct pxt_error *error)
{
    return fault->host->fail(fault->host, error, rule->status, 0, "%s %s, as the option `faults` says",
                             operation_names[operation], rule->action == FAULT_TEAR ? "is torn" : "fails");
}
