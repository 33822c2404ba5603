/* SPDX-License-Identifier: MIT
 *
 * fail.c: turns SQLite's result codes into statuses and messages with a remedy. SQLite's own texts name tables and
 * columns, never values.
 */
#include "store.h"
#include <errno.h>

static void note_trouble(struct store *store, enum trouble trouble)
{
    int seen = atomic_load(&store->trouble);
    while (seen < (int)trouble && !atomic_compare_exchange_weak(&store->trouble, &seen, (int)trouble)) {
    }
}

static pxt_status fail_io(struct store *store, int rc, int system_errno, struct pxt_error *error, const char *doing)
{
    const struct pxt_host *host = store->host;
    pxt_status status = system_errno ? host->status_of_errno(system_errno) : PXT_EIO;
    if (status == PXT_ENOSPC)
        return host->fail(host, error, status, system_errno, "%s: cannot %s: free some space", store->path, doing);
    if (rc == SQLITE_CANTOPEN)
        return host->fail(host, error, status, system_errno,
                          "%s: cannot be opened to %s: check that the folder exists and is yours", store->path, doing);
    return host->fail(host, error, status, system_errno, "%s: cannot %s: check the disk and the file's permissions",
                      store->path, doing);
}

pxt_status sqlite_fail(struct store *store, sqlite3 *db, int rc, struct pxt_error *error, const char *doing)
{
    const struct pxt_host *host = store->host;
    int system_errno = db ? sqlite3_system_errno(db) : 0;
    const char *text = db && sqlite3_errcode(db) == rc ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return host->fail(host, error, PXT_EBUSY, 0,
                          "%s: cannot %s: locked by another process for longer than %d ms: end that process (see "
                          "fuser(1)) or raise busy_timeout",
                          store->path, doing, store->busy_ms);
    case SQLITE_FULL:
        return host->fail(host, error, PXT_ENOSPC, system_errno, "%s: cannot %s: no space left: free some", store->path,
                          doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        note_trouble(store, TROUBLE_DAMAGED);
        return host->fail(host, error, PXT_ECORRUPT, 0,
                          "%s: cannot %s: the file is damaged (%s): the next use moves it aside and starts a new one",
                          store->path, doing, text);
    case SQLITE_READONLY:
        if (rc == SQLITE_READONLY_DBMOVED)
            note_trouble(store, TROUBLE_MOVED);
        /* fall through */
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return host->fail(host, error, PXT_EACCES, system_errno,
                          "%s: cannot %s: no permission to write: make file and folder your own, chmod u+rw %s",
                          store->path, doing, store->path);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            return host->fail(host, error, PXT_ENOMEM, 0, "%s: out of memory to %s", store->path, doing);
        return fail_io(store, rc & 0xff, system_errno, error, doing);
    case SQLITE_NOMEM:
        return host->fail(host, error, PXT_ENOMEM, 0, "%s: out of memory to %s", store->path, doing);
    case SQLITE_TOOBIG:
        return host->fail(host, error, PXT_EINVAL, 0, "%s: cannot %s: a value is too long", store->path, doing);
    default:
        /* A table that is gone, say: opening anew makes it. */
        note_trouble(store, TROUBLE_MOVED);
        return host->fail(host, error, PXT_EIO, system_errno,
                          "%s: cannot %s: %s: the next use opens it anew; if that fails as well, another program has "
                          "changed its tables: move it away",
                          store->path, doing, text);
    }
}
