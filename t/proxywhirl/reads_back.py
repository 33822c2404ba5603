#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: reads_back.py FOLDER [KEY]

Prints as JSON everything that ProxyWhirl reads in FOLDER: by tier, and by its manager. A null is an entry whose key it
lists and which it cannot read. KEY is by default $PROXYWHIRL_CACHE_ENCRYPTION_KEY. FOLDER stays as it is.
"""
import json
import sys

import proxywhirl_cache as pw

if len(sys.argv) < 2:
    sys.exit(__doc__)
if sys.argv[1] == "--version":
    print(pw.VERSION)
else:
    json.dump({"version": pw.VERSION, **pw.read_all(sys.argv[1], pw.key_from(sys.argv[2:]))}, sys.stdout, indent=1)
    print()
