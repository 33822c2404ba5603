#!/bin/sh
# server.sh: a PostgreSQL server of a test, in a folder of its own, with a socket there and no port.
#   server.sh check            exit status 0: the programs are there
#   server.sh make FOLDER      makes the folder with an empty database cluster, whose superuser is `proxtier`
#   server.sh run FOLDER ...   becomes the server: its process id is that of this script; more options of postgres
#   server.sh wait FOLDER      waits until it answers
# The server refuses to run as root: then it runs as postgres, or as nobody.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
bin=${bin:-$(dirname "$(command -v postgres || echo /nonexistent/postgres)")}
as=
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as="setpriv --reuid=$(id -u "$user") --regid=$(id -g "$user") --clear-groups"
fi
case $1 in
check)
    [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ] && command -v psql >/dev/null &&
        { [ -z "$as" ] || command -v setpriv >/dev/null; } ;;
make)
    mkdir -p "$2"
    chmod 755 "$2"
    [ -z "$as" ] || chown "$user" "$2"
    cd "$2"
    $as "$bin/initdb" -D "$2/data" -U proxtier -A trust -N -E UTF8 --locale=C >"$2.log" 2>&1 ;;
run)
    folder=$2
    shift 2
    cd "$folder"
    exec $as "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c shared_buffers=16MB \
        -c max_connections=60 -c dynamic_shared_memory_type=mmap "$@" >>"$folder.log" 2>&1 ;;
wait)
    for _ in $(seq 600); do
        psql -h "$2" -U proxtier -d postgres -Atc 'SELECT 1' >/dev/null 2>&1 && exit 0
        sleep 0.05
    done
    exit 1 ;;
esac
