# SPDX-License-Identifier: MIT
# What the tests beside ProxyWhirl share. Source it after lib.sh.
here=$abs_top_srcdir/t/proxywhirl
# The test key of the fixtures: see README.md. Both programs read it from here.
PROXYWHIRL_CACHE_ENCRYPTION_KEY=cHJveHRpZXItdGVzdC1rZXktLW5vdC1hLXNlY3JldCE=
export PROXYWHIRL_CACHE_ENCRYPTION_KEY
unset PROXYWHIRL_CACHE_KEY_PREVIOUS
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# chain BACKEND FOLDER [OPTION]: $work/chain.yaml, over the folder of a ProxyWhirl with this backend of L2
chain() {
    option=${3-, compatible: proxywhirl}
    cat >"$work/chain.yaml" <<YAML
cleanup: {background: false}
tiers:
  - {name: l1, plugin: l1_memory, max_entries: 1000}
  - {name: l2, plugin: l2_$1, dir: $2$option}
  - {name: l3, plugin: l3_sqlite, path: $2/proxywhirl.db$option}
YAML
}
# at ARGUMENT...: proxtier with that chain
at() { run --config "$work/chain.yaml" "$@"; }
fields() { python3 "$here/fields.py" "$@"; }
# agrees NAME COMMAND...: passes where the comparison finds no difference
agrees() {
    name=$1
    shift
    fields "$@" >"$work/.differences" 2>&1
    ok $? "$name"
    sed 's/^/#   /' "$work/.differences" | head -n 20
}
# key_of TEXT: the key that ProxyWhirl makes of a URL
key_of() { printf %s "$1" | sha256sum | cut -c1-16; }
# state FOLDER NAME...: mode, owner, and of databases SQLite's file format (1 1: rollback journal, 2 2: write-ahead log)
state() (
    cd "$1" || exit
    shift
    for file; do
        case $file in
        *.db) journal=$(od -An -tu1 -j18 -N2 "$file") ;;
        *) journal= ;;
        esac
        stat -c "%n %a %u:%g$journal" "$file"
    done
)
