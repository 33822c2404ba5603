/* SPDX-License-Identifier: MIT
 *
 * The example `table`, which tells the log what the core says of each call, and whether it got its secret.
 */
#include <proxtier/tier.h>
#include <string.h>
#include <unistd.h>
#undef PXT_PLUGIN
#define PXT_PLUGIN(kind, name, version, licence, summary, options, ops) /* the example's own is left out */            \
    static const void *const rest_of_the_example[] __attribute__((unused)) = {options, ops}
#include "../../../examples/table.c"
#undef PXT_PLUGIN
#define PXT_PLUGIN(kind_, name_, version_, licence_, summary_, options_, ops_)                                         \
    extern PXT_API const struct pxt_plugin pxt_plugin;                                                                 \
    const struct pxt_plugin pxt_plugin = {.magic = {'p', 'r', 'o', 'x', 't', 'i', 'e', 'r'},                           \
                                          .struct_size = sizeof(struct pxt_plugin),                                    \
                                          .abi_major = PXT_ABI_MAJOR,                                                  \
                                          .abi_minor = PXT_ABI_MINOR,                                                  \
                                          .option_size = sizeof(struct pxt_option),                                    \
                                          .candidate = PXT_ABI_CANDIDATE,                                              \
                                          .kind = kind_,                                                               \
                                          .name = name_,                                                               \
                                          .version = version_,                                                         \
                                          .licence = licence_,                                                         \
                                          .summary = summary_,                                                         \
                                          .options = options_,                                                         \
                                          .ops = ops_}

static const struct pxt_option asks_options[] = {
    {"buckets", PXT_OPTION_INTEGER, "64", 1, 1 << 24, NULL, "length of the table"},
    {"password", PXT_OPTION_SECRET, NULL, 0, 0, NULL, "it ought to be `s3cret, 'quoted'`"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static void tell(const struct pxt_host *host, const char *operation)
{
    const struct pxt_call *call = host->call(host);
    if (call->deadline)
        host->log(host, PXT_LOG_NOTICE, "%s has %lld us", operation,
                  (long long)(call->deadline - host->monotonic(host)));
    else
        host->log(host, PXT_LOG_NOTICE, "%s has no deadline", operation);
}

static pxt_status asks_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    size_t length = 0;
    const char *password = host->setting_secret(setup->settings, "password", &length);
    const char *right = "s3cret, 'quoted'";
    host->log(host, PXT_LOG_NOTICE, "the secret is %s",
              !password                                                     ? "absent"
              : length == strlen(right) && !memcmp(password, right, length) ? "right"
                                                                            : "wrong");
    return table_open(host, setup, self, error);
}

static pxt_status asks_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    tell(((struct table *)self)->host, "put");
    return table_put(self, entry, error);
}

static pxt_status asks_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    tell(((struct table *)self)->host, "each");
    return table_each(self, fn, arg, error);
}

/* Writes one byte to standard error, which the test has made a pipe. */
static void asks_after_fork_child(void *self)
{
    (void)self;
    if (write(STDERR_FILENO, "f", 1) != 1)
        abort();
}

static const struct pxt_tier_ops asks_ops = {.size = sizeof asks_ops,
                                             .open = asks_open,
                                             .close = table_close,
                                             .get = table_get,
                                             .put = asks_put,
                                             .del = table_del,
                                             .each = asks_each,
                                             .count = table_count,
                                             .after_fork_child = asks_after_fork_child};
PXT_PLUGIN(PXT_KIND_TIER, "asks", "1.0", "MIT", "tells what the core says of its calls", asks_options, &asks_ops);
