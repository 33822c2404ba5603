#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: fields.py COMMAND ARGUMENT...

Compares what ProxyWhirl and proxtier say about the same folder. Needs Python's standard library only. A comparison
prints a line for each difference; its exit status is 0 where there is no difference.
    raw FOLDER                    prints as JSON what is in a folder, read as ProxyWhirl reads it, sealed as it is
    kept BEFORE AFTER KINDS [TIER:KEY]...  two outputs of raw: each entry is there, unchanged; without what is named and
                                  what KINDS calls expired
    read KINDS EXPORT KIND...     EXPORT (of export --reveal) has the entries of these kinds as ProxyWhirl has them
    entry KINDS KEY FIELD         prints one field
    same BEFORE AFTER [KEY]...    two outputs of reads_back.py agree but for the keys; credentials in a URL or beside it
                                  are the same
    keys RAW TIER                 prints the keys of a tier
    field RAW TIER KEY FIELD      prints one field
KINDS is fixtures/NAME.json, or the output of reads_back.py.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import unicodedata
from datetime import datetime, timezone

TABLES = {"l2_cache.db": "l2_cache", "proxywhirl.db": "cache_entries"}
COUNT_MAX = 2**53 - 1
TEXT_MAX = 4096
TIMES = ("fetch_time", "last_accessed", "expires_at", "last_health_check", "next_check_time")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def raw_jsonl(folder):
    """Returns the entries of the shards by key, and how many lines are no entry that counts."""
    entries, lines = {}, 0
    for shard in range(16):
        path = folder / f"shard_{shard:02d}.jsonl"
        for line in path.read_text("utf-8").split("\n")[:-1] if path.exists() else []:
            lines += 1
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            key = entry.get("key")
            if key is not None and int(hashlib.md5(key.encode()).hexdigest(), 16) % 16 == shard:
                entries[key] = entry
    return entries, lines - len(entries)


def raw_sqlite(path):
    """Returns the rows of a database by key. A copy is read, because a reader changes files too."""
    with tempfile.TemporaryDirectory() as copy:
        for end in ("", "-wal"):
            if os.path.exists(f"{path}{end}"):
                shutil.copy(f"{path}{end}", copy)
        database = sqlite3.connect(f"{copy}/{path.name}")
        database.row_factory = sqlite3.Row
        rows = database.execute(f"SELECT * FROM {TABLES[path.name]}").fetchall()
        database.close()
    entries = {}
    for row in rows:
        entries[row["key"]] = {n: row[n].decode() if isinstance(row[n], bytes) else row[n] for n in row.keys()}
    return entries


def raw(folder):
    folder = pathlib.Path(folder)
    stale = 0
    if (folder / "l2_cache.db").exists():
        l2 = raw_sqlite(folder / "l2_cache.db")
    else:
        l2, stale = raw_jsonl(folder)
    json.dump({"l2": l2, "stale_lines": stale, "l3": raw_sqlite(folder / "proxywhirl.db")}, sys.stdout)


def merged(kinds_file):
    """Returns what a chain holds by key, all fields: L2's, and L3's where L2 has another value or has no column."""
    kinds = load(kinds_file)
    defaults = kinds.get("defaults", {})
    entries = {key: {**defaults, **entry} for key, entry in kinds["l2"].items() if entry}
    for key, entry in kinds["l3"].items():
        if entry is not None:
            entries[key] = {**entries.get(key, defaults), **entry}
    return entries, kinds.get("kinds", {})


def kept(before_file, after_file, kinds_file, *except_for):
    before, after = load(before_file), load(after_file)
    kinds = load(kinds_file).get("kinds", {})
    for tier in ("l2", "l3"):
        for key, entry in before[tier].items():
            if f"{tier}:{key}" in except_for or kinds.get(key) == "expired":
                continue
            now = after[tier].get(key)
            if now is None:
                yield f"{tier}: {key:.40} ({entry['proxy_url']}) is gone"
            elif now != entry:
                changed = [name for name in entry if name not in now or now[name] != entry[name]]
                yield f"{tier}: {key:.40} ({entry['proxy_url']}) has another {changed or set(now) - set(entry)}"


def essence(text):
    """Returns `text` without what may be blanked."""
    return "".join(c for c in text if not c.isspace() and c not in "?\ufffd" and unicodedata.category(c)[0] != "C")


def text_is_read(wanted, got):
    """Says whether `got` is a right reading of a text that may be over a limit."""
    got = got or ""
    if got == wanted or not wanted:  # an empty text may get any value
        return True
    if len(wanted.encode("utf-8", "replace")) > TEXT_MAX:
        return essence(wanted).startswith(essence(got)) and TEXT_MAX - 8 <= len(got.encode()) <= TEXT_MAX
    may_be_blanked = essence(wanted) != wanted.replace(" ", "")
    return may_be_blanked and essence(got) == essence(wanted)


def is_read(name, wanted, got, over):
    """Says whether `got` of proxtier is a right reading of `wanted` of ProxyWhirl."""
    if name in TIMES and wanted and got:
        return datetime.fromisoformat(wanted) == datetime.fromisoformat(got.replace("Z", "+00:00"))
    if over and isinstance(wanted, int) and not isinstance(wanted, bool):
        return got == min(max(wanted, 0), COUNT_MAX)
    if over and name in ("source", "last_health_error") and wanted is not None:
        return text_is_read(wanted, got)
    return got == wanted


def read(kinds_file, export_file, *wanted_kinds):
    entries, kinds = merged(kinds_file)
    with open(export_file, encoding="utf-8") as file:
        exported = {entry["key"]: entry for entry in map(json.loads, file)}
    for key, entry in entries.items():
        kind = kinds.get(key, "ordinary")
        if kind not in wanted_kinds:
            continue
        if key not in exported:
            yield f"{key:.40} ({entry['proxy_url']}) is not read"
            continue
        for name, wanted in entry.items():
            got = exported[key].get(name)
            if not is_read(name, wanted, got, kind == "over"):
                yield f"{entry['proxy_url']} {name}: {wanted!r:.60} is read as {got!r:.60}"


def split(entry):
    """Returns `entry` with the credentials of its URL beside it, where it has some."""
    found = entry and re.match(r"(\w+://)([^:@/]*)(?::([^@/]*))?@(.*)", entry["proxy_url"])
    if not found:
        return entry
    return {**entry, "proxy_url": found[1] + found[4], "username": found[2], "password": found[3]}


def same(before_file, after_file, *except_for):
    before, after = load(before_file), load(after_file)
    now = datetime.now(timezone.utc)
    for tier in ("l2", "l3"):
        for key, entry in before[tier].items():
            if key in except_for or (entry and datetime.fromisoformat(entry["expires_at"]) <= now):
                continue
            wanted, got = split(entry), split(after[tier].get(key))
            if key not in after[tier]:
                yield f"{tier}: {key:.40} is gone"
            elif wanted != got:
                changed = [n for n in wanted or {} if not got or got[n] != wanted[n]]
                yield f"{tier}: {key:.40} ({wanted and wanted['proxy_url']}) has another {changed}"


def entry_field(kinds_file, key, name):
    show(merged(kinds_file)[0][key][name])


def show(value):
    sys.stdout.write(f"{value}\n")


def raw_keys(raw_file, tier):
    show("\n".join(sorted(load(raw_file)[tier])))


def raw_field(raw_file, tier, key, name):
    show((load(raw_file)[tier].get(key) or {}).get(name))


COMMANDS = {"raw": raw, "kept": kept, "read": read, "same": same, "entry": entry_field, "keys": raw_keys,
            "field": raw_field}
CHECKS = (kept, read, same)

if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
    sys.exit(__doc__)
chosen = COMMANDS[sys.argv[1]]
if chosen in CHECKS:
    differences = list(chosen(*sys.argv[2:]))
    sys.stdout.write("".join(f"{line}\n" for line in differences))
    sys.exit(bool(differences))
chosen(*sys.argv[2:])
