#!/bin/sh
# Another program reads the packed fields of a database, by what proxtier.yaml(5) says of them.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
if ! python3 -c 'import sqlite3' 2>/dev/null; then
    echo "1..0 # SKIP python3 with sqlite3 is not installed"
    exit 0
fi
umask 077
cat >"$work/c.yaml" <<END
encryptor: {plugin: plain}
tiers:
  - {plugin: l3_sqlite, path: $work/px.db}
END
cat >"$work/unpack.py" <<'END'
import sqlite3, sys

def number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at

def unpack(data):
    fields, at = {}, 0
    while at < len(data):
        tag, at = number(data, at)
        value, at = number(data, at)
        if tag & 1:
            fields[tag >> 1], at = data[at:at + value], at + value
        else:
            fields[tag >> 1] = value >> 1 ^ -(value & 1)
    return fields

for fetched, packed in sqlite3.connect(sys.argv[1]).execute('SELECT fetch_time, packed FROM cache_entries'):
    fields = unpack(packed)
    print('ttl', fields[6], 'user', fields[19].decode(), 'password', fields[20].decode(), 'error', fields[16].decode(),
          'checks', fields[17], 'late', 0 <= fields[11] / 1e6 - fetched < 3600)
END
run -c "$work/c.yaml" put --ttl 77 http://alice:s3cret@192.0.2.1:8080
run -c "$work/c.yaml" report http://alice@192.0.2.1:8080 fail --reason 'timed out'
is "$code" 0 "an entry with a report: $err"
run_python=$(python3 "$work/unpack.py" "$work/px.db" 2>&1)
is "$run_python" "ttl 77 user alice password s3cret error timed out checks 1 late True" "python reads what is packed"
if command -v sqlite3 >/dev/null; then
    is "$(sqlite3 "$work/px.db" "SELECT proxy_url || ' ' || failure_count FROM cache_entries")" "http://192.0.2.1:8080 1" \
        "sqlite3 shows what is in columns"
else
    skip "sqlite3 is not installed"
fi
run -c "$work/c.yaml" warm "$work/px.db"
is "$code" 65 "a database of packed fields is no list"
like "$err" 'migrate --from' "... and the message says what to do"
done_testing
