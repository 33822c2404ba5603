#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: write_again.py FOLDER [KEY] <CHANGES

Makes changes in FOLDER with ProxyWhirl. Standard input has one JSON array a line, standard output one result a line:
    ["put", {FIELD: VALUE, ...}]          a new entry; what is missing gets a value of its own
    ["update", KEY, {FIELD: VALUE, ...}]  reads an entry, changes fields, puts it
    ["get", KEY]                          all fields, or null
    ["fail", KEY]                         invalidate_by_health()
    ["delete", KEY]
    ["warm", FILE]
"""
import json
import sys
from datetime import datetime, timedelta, timezone

import proxywhirl_cache as pw

TIMES = ("fetch_time", "last_accessed", "expires_at", "last_health_check", "next_check_time")


def typed(fields):
    """Returns `fields` with the types that CacheEntry has."""
    typed_fields = {}
    for name, value in fields.items():
        if name in TIMES and value is not None:
            value = datetime.fromisoformat(value)
        elif name in ("username", "password") and value is not None:
            value = pw.SecretStr(value)
        typed_fields[name] = value
    return typed_fields


def put(cache, fields):
    now = datetime.now(timezone.utc)
    whole = {"key": cache.generate_cache_key(fields["proxy_url"]), "source": "write_again", "fetch_time": now,
             "last_accessed": now, "ttl_seconds": 3600, "expires_at": now + timedelta(hours=1), **typed(fields)}
    return cache.put(whole["key"], pw.CacheEntry(**whole))


def update(cache, key, fields):
    entry = cache.get(key)
    return entry is not None and cache.put(key, pw.CacheEntry(**{**dict(entry), **typed(fields)}))


CHANGES = {
    "put": put,
    "update": update,
    "get": lambda cache, key: pw.as_json(cache.get(key)),
    "fail": lambda cache, key: cache.invalidate_by_health(key),
    "delete": lambda cache, key: cache.delete(key),
    "warm": lambda cache, file: cache.warm_from_file(file),
}

if len(sys.argv) < 2:
    sys.exit(__doc__)
manager = pw.open_cache(sys.argv[1], pw.key_from(sys.argv[2:]))
for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(CHANGES[name](manager, *arguments)))
pw.close_cache(manager)
