# SPDX-License-Identifier: MIT
"""Loads ProxyWhirl's cache package and opens folders with it.

proxywhirl/__init__.py imports the whole product (a browser, a web server, a terminal interface); the cache needs none
of it. So the package is entered without running its __init__.py: the modules below it are the real ones.
"""
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile
import types
from datetime import datetime, timezone

try:
    _found = importlib.util.find_spec("proxywhirl")
    if _found is None:
        raise ImportError("proxywhirl is not installed")
    _package = types.ModuleType("proxywhirl")
    _package.__path__ = list(_found.submodule_search_locations)
    sys.modules["proxywhirl"] = _package
    from loguru import logger
    from pydantic import SecretStr
    from proxywhirl.cache import CacheConfig, CacheEntry, CacheManager, CacheTierConfig
    from proxywhirl.cache.models import L2BackendType
except ImportError as missing:
    sys.exit(f"cannot import ProxyWhirl's cache: {missing}")

VERSION = importlib.metadata.version("proxywhirl")
logger.remove()


def key_from(arguments):
    """Returns the Fernet key: the first of `arguments`, or what the environment has."""
    key = arguments[0] if arguments else os.environ.get("PROXYWHIRL_CACHE_ENCRYPTION_KEY")
    return key or sys.exit("no key: give one, or set PROXYWHIRL_CACHE_ENCRYPTION_KEY")


def open_cache(folder, key, backend=None, l1_entries=1000):
    """Opens `folder` (L2 in it, L3 in its proxywhirl.db). Without `backend`: SQLite where l2_cache.db is there."""
    folder = pathlib.Path(folder)
    if backend is None:
        backend = "sqlite" if (folder / "l2_cache.db").exists() else "jsonl"
    return CacheManager(CacheConfig(
        l1_config=CacheTierConfig(max_entries=l1_entries),
        l2_backend=L2BackendType(backend),
        l2_cache_dir=str(folder),
        l3_database_path=str(folder / "proxywhirl.db"),
        encryption_key=SecretStr(key)))


def close_cache(cache):
    """Closes the connection that L2 SQLite keeps, so that its write-ahead log is folded in."""
    if hasattr(cache.l2_tier, "close"):
        cache.l2_tier.close()


def as_json(entry):
    """Returns all fields of an entry; credentials in clear, times in UTC."""
    if entry is None:
        return None
    fields = {}
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, datetime):
            value = value.astimezone(timezone.utc).isoformat()
        elif hasattr(value, "value"):
            value = value.value
        fields[name] = value
    return fields


def read_all(folder, key):
    """Returns what each of ProxyWhirl's tiers reads in `folder`, expired entries too, and what its manager gives."""
    with tempfile.TemporaryDirectory() as copy:  # the manager deletes what expired, and promotes
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        cache = open_cache(copy, key)
        read = {}
        for name, tier in (("l2", cache.l2_tier), ("l3", cache.l3_tier)):
            tier.failure_threshold = sys.maxsize  # or three unreadable entries would turn the tier off
            read[name] = {k: as_json(tier.get(k)) for k in sorted(tier.keys())}
        keys = sorted(set(read["l2"]) | set(read["l3"]))
        read["manager"] = {k: as_json(cache.get(k)) for k in keys}
        close_cache(cache)
        return read
