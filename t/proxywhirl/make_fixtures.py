#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: make_fixtures.py [FOLDER]

Makes with the real ProxyWhirl the folders jsonl/ and sqlite/ in FOLDER (default: fixtures/ beside this file), and for
each NAME.json: what ProxyWhirl's L2 and L3 read back in it (as write_expected() says), and of which
kind the keys are that are not ordinary. The kinds:
    ordinary  within the limits of proxtier, every field must be read as it is
    over      has a value over a limit of proxtier, which may be read clipped, blanked or clamped
    foreign   has a URL or key for which proxtier need have no reading; its line must stay
    embedded  has credentials in its URL
    expired   may be removed
Also export.jsonl: ProxyWhirl's own export of warm_list.jsonl.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
from datetime import datetime, timedelta, timezone

import proxywhirl_cache as pw

KEY = "cHJveHRpZXItdGVzdC1rZXktLW5vdC1hLXNlY3JldCE="  # a test key: README.md tells it
FETCHED = datetime(2026, 1, 2, 3, 4, 5, 123456, timezone.utc)
EXPIRES = datetime(2099, 1, 1, 0, 0, 0, 654321, timezone.utc)
WHOLE = datetime(2026, 1, 2, 3, 4, 5, 0, timezone.utc)
LATER = FETCHED + timedelta(days=3, microseconds=1)
TTL = int((EXPIRES - FETCHED).total_seconds())
HEALTH = dict(last_health_check=LATER, consecutive_health_failures=2, consecutive_health_successes=0,
              recovery_attempt=1, next_check_time=LATER + timedelta(minutes=5), last_health_error="connection refused",
              total_health_checks=11, total_health_check_failures=4)


def http(name):
    return f"http://{name}.test:8080"


ORDINARY = [
    (http("plain"), {}),
    (http("every-field"), dict(username="us3r", password='p@ss:w/o "quotes"\\', source="premium", access_count=7,
                               last_accessed=LATER, health_status="degraded", failure_count=2, evicted_from_l1=True,
                               **HEALTH)),
    (http("healthy"), dict(health_status="healthy", last_health_check=LATER, consecutive_health_successes=9,
                           total_health_checks=9)),
    (http("unhealthy"), dict(health_status="unhealthy", failure_count=1, **HEALTH)),
    (http("dead"), dict(health_status="dead", failure_count=2, **{**HEALTH, "recovery_attempt": 6})),
    (http("no-fraction"), dict(fetch_time=WHOLE, last_accessed=WHOLE, last_health_check=WHOLE, next_check_time=WHOLE,
                               expires_at=EXPIRES.replace(microsecond=0))),
    (http("other-offset"), dict(fetch_time=FETCHED.astimezone(timezone(timedelta(hours=5, minutes=30))))),
    (http("username-only"), dict(username="session-17")),
    (http("password-only"), dict(password="token")),
    (http("non-ascii"), dict(username="Jürgen", password="pä:ss@wörd \u6f22 \U0001f600", source="Quelle-ü",
                             last_health_error="Zeit\u00fcberschreitung \u2713 \u6f22\u5b57 \U0001f600")),
    ("https://scheme.test:443", {}),
    ("socks4://scheme.test:1080", {}),
    ("socks5://scheme.test:1080", dict(username="socks", password="five")),
    ("http://[2001:db8::1]:3128", {}),
    (http("own-key"), dict(key="my own key/1")),
    (http("non-ascii-key"), dict(key="schl\u00fcssel-\u6f22")),
    (http("ttl-zero"), dict(ttl_seconds=0)),
    (http("limits"), dict(last_health_error="e" * 4096, access_count=2**53 - 1, key="k" * 255)),
    (http("empty-error"), dict(last_health_error="")),
]
OVER = [
    (http("newline-in-error"), dict(last_health_error="first line\nsecond line\r\n", health_status="unhealthy")),
    (http("tab-in-error"), dict(last_health_error="column\tcolumn")),
    (http("nul-in-error"), dict(last_health_error="before\0after")),
    (http("long-error"), dict(last_health_error="x" * 4091 + "\u00e9" * 10, total_health_checks=3)),
    (http("empty-source"), dict(source="")),
    (http("newline-in-source"), dict(source="list\none")),
    (http("access-minus-1"), dict(access_count=-1, username="minus", password="one")),
    (http("access-over-2-53"), dict(access_count=2**53)),
    (http("counts-over-2-53"), dict(access_count=2**60 + 1, failure_count=2**53 + 1, total_health_checks=2**62)),
]
FOREIGN = [
    (http("long-key"), dict(key="K" * 300)),
    ("http://\u043f\u0440\u043e\u043a\u0441\u0438.test:8080", {}),
    ("quic://scheme.test:8080", {}),
    ("http://eve:hidden@no-port.test", {}),
]
EMBEDDED = [
    ("http://bob:secret@embedded.test:8080", {}),
    ("socks5://carol@embedded.test:1080", {}),
]
EXPIRED = [
    (http("expired"), dict(expires_at=FETCHED + timedelta(hours=1), ttl_seconds=3600)),
    (http("expired-no-fraction"), dict(expires_at=WHOLE, username="old", password="older")),
]
# JSON carries half a surrogate pair, SQLite refuses it: ProxyWhirl stores such an entry in its JSONL only.
JSONL_OVER = [(http("surrogate-in-error"), dict(last_health_error="broken \ud83d text"))]


def entry_of(url, fields):
    whole = dict(key=pw.CacheManager.generate_cache_key(url), proxy_url=url, source="fixture", fetch_time=FETCHED,
                 last_accessed=FETCHED, ttl_seconds=TTL, expires_at=EXPIRES)
    whole.update(fields)
    for name in ("username", "password"):
        if name in whole:
            whole[name] = pw.SecretStr(whole[name])
    return pw.CacheEntry(**whole)


def put_all(cache, backend, kinds):
    groups = [("ordinary", ORDINARY), ("over", OVER), ("foreign", FOREIGN), ("embedded", EMBEDDED),
              ("expired", EXPIRED)]
    if backend == "jsonl":
        groups.append(("over", JSONL_OVER))
    for kind, group in groups:
        for url, fields in group:
            entry = entry_of(url, fields)
            assert cache.put(entry.key, entry)
            kinds[entry.key] = kind
    for tier, name in ((cache.l2_tier, "l2-only"), (cache.l3_tier, "l3-only")):
        entry = entry_of(http(name), dict(username=name, password=name, health_status="degraded", **HEALTH))
        assert tier.put(entry.key, entry)
        kinds[entry.key] = "ordinary"


def make(folder, backend, warm_list):
    """Makes one folder and the JSON beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    kinds = {}
    cache = pw.open_cache(folder, KEY, backend)
    put_all(cache, backend, kinds)
    counts = cache.warm_from_file(str(warm_list), ttl_override=TTL)
    assert counts["loaded"] == 4 and not counts["failed"] and not counts["skipped"], counts
    pw.close_cache(cache)
    # In a cache of one entry the second put evicts the first from L1, which ProxyWhirl notes in L2 and L3.
    cache = pw.open_cache(folder, KEY, backend, l1_entries=1)
    for name in ("evicted", "evicts"):
        entry = entry_of(http(name), {})
        assert cache.put(entry.key, entry)
    pw.close_cache(cache)
    write_expected(folder, kinds, pw.read_all(folder, KEY))


def write_expected(folder, kinds, read):
    """Writes NAME.json: of L2 the fields that have not their default, of L3 the fields in which it differs from L2."""
    usual = {name: field.default for name, field in pw.CacheEntry.model_fields.items() if not field.is_required()}
    usual["health_status"] = usual["health_status"].value
    l2, l3 = read["l2"], read["l3"]
    for key, entry in l3.items():
        l3[key] = changed(entry, l2.get(key, usual))
    for key, entry in l2.items():
        l2[key] = changed(entry, usual)
    with open(f"{folder}.json", "w", encoding="ascii") as out:
        json.dump({"version": pw.VERSION, "kinds": {key: kind for key, kind in kinds.items() if kind != "ordinary"},
                   "defaults": usual, "l2": l2, "l3": l3}, out, indent=0)
        out.write("\n")


def export(path, warm_list):
    """Writes ProxyWhirl's own export of a warmed list, with asterisks for the credentials."""
    with tempfile.TemporaryDirectory() as folder:
        cache = pw.open_cache(folder, KEY, "jsonl")
        cache.warm_from_file(str(warm_list), ttl_override=TTL)
        counts = cache.export_to_file(str(path))
        assert counts == {"exported": 4, "failed": 0}, counts


def changed(entry, base):
    return {name: value for name, value in entry.items() if name not in base or base[name] != value}


os.umask(0o022)
place = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "fixtures")
warm_list_file = pathlib.Path(__file__).parent / "warm_list.jsonl"
for l2_backend in ("jsonl", "sqlite"):
    make(place / l2_backend, l2_backend, warm_list_file)
export(place / "export.jsonl", warm_list_file)
