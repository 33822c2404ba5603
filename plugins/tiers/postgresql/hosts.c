/* SPDX-License-Identifier: MIT
 *
 * hosts.c: the servers that the connection string names. libpq tries them in turn, but a connection that is made without
 * waiting has no time limit for each: so the tier tries them one by one.
 */
#include "postgresql.h"
#include <stdio.h>
#include <string.h>

/* Copies item `index` of a list separated by commas. A list of one item is that of all. False: it is too long. */
static bool item_of(const char *list, unsigned index, char *out, size_t size)
{
    out[0] = '\0';
    if (!list || !*list)
        return true;
    if (strchr(list, ','))
        for (; index && list; index--) {
            list = strchr(list, ',');
            list = list ? list + 1 : NULL;
        }
    size_t length = list ? strcspn(list, ",") : 0;
    if (length >= size)
        return false;
    memcpy(out, list ? list : "", length);
    out[length] = '\0';
    return true;
}

static unsigned items_of(const char *list)
{
    unsigned n = list && *list ? 1 : 0;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++)
        if (!strcmp(options->keyword, name))
            return options->val;
    return NULL;
}

static pxt_status read_list(struct pgsql *pgsql, const PQconninfoOption *options, struct pxt_error *error)
{
    struct pgsql_address *address = &pgsql->address;
    const char *hosts = value_of(options, "host"), *addresses = value_of(options, "hostaddr"),
               *ports = value_of(options, "port"), *service = value_of(options, "service");
    unsigned n = items_of(hosts) ? items_of(hosts) : items_of(addresses);
    bool fits = n <= PGSQL_HOSTS_MAX;
    for (unsigned i = 0; fits && i < n; i++) {
        struct pgsql_candidate *its = &address->candidate[i];
        fits = item_of(hosts, i, its->host, sizeof its->host) &&
               item_of(addresses, i, its->hostaddr, sizeof its->hostaddr) &&
               item_of(ports, i, its->port, sizeof its->port);
    }
    if (!fits)
        return pgsql->host->fail(pgsql->host, error, PXT_ECONFIG, 0,
                                 "conninfo: give at most %d hosts, with names of at most %d bytes", PGSQL_HOSTS_MAX,
                                 PGSQL_PART_MAX - 1);
    address->candidates = n;
    if (n)
        snprintf(address->name, sizeof address->name, "%.200s:%.60s", hosts && *hosts ? hosts : addresses,
                 ports && *ports ? ports : "5432");
    else if (service)
        snprintf(address->name, sizeof address->name, "of the service %.200s", service);
    return PXT_OK;
}

/* A password here would stand in a file that others read, and be shown by `config show`. */
static pxt_status refuse_secrets(struct pgsql *pgsql, const PQconninfoOption *options, struct pxt_error *error)
{
    if (value_of(options, "password") || value_of(options, "sslpassword"))
        return pgsql->host->fail(pgsql->host, error, PXT_ECONFIG, 0,
                                 "conninfo: it has a password: give it as `password`, or in a passfile");
    return PXT_OK;
}

pxt_status pgsql_hosts_read(struct pgsql *pgsql, struct pxt_error *error)
{
    char *reason = NULL;
    snprintf(pgsql->address.name, sizeof pgsql->address.name, "of libpq's environment");
    if (!pgsql->address.conninfo)
        return PXT_OK;
    PQconninfoOption *options = PQconninfoParse(pgsql->address.conninfo, &reason);
    PQfreemem(reason); /* it may quote a password */
    if (!options)
        return pgsql->host->fail(pgsql->host, error, PXT_ECONFIG, 0,
                                 "conninfo: it is no connection string of libpq: write KEYWORD=VALUE ..., or "
                                 "postgresql://HOST:PORT/DATABASE");
    pxt_status status = refuse_secrets(pgsql, options, error);
    if (!status)
        status = read_list(pgsql, options, error);
    PQconninfoFree(options);
    return status;
}
