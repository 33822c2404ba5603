#!/bin/sh
# curl sends the credentials of a proxy byte for byte, when it has them from an export: a file for -K, environment lines, a URL, a
# template for a shell. Tested with a proxy on loopback that notes what comes.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
command -v curl >/dev/null || { echo "1..0 # SKIP curl is not installed"; exit 0; }
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
python3 "$abs_top_srcdir/t/lists/recorder.py" "$work/port" "$work/notes" &
recorder=$!
trap 'kill $recorder 2>/dev/null; wait $recorder 2>/dev/null; rm -rf "$work"' EXIT
tries=0
until [ -s "$work/port" ] || [ $tries -gt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
proxy=127.0.0.1:$(cat "$work/port")
user=$(printf 'u@s%%r' | od -An -tx1 | tr -d ' \n')
password=$(printf "p:a/s?s#w \"d'%s\$\`~\303\251\377*" '\' | od -An -tx1 | tr -d ' \n')
url=http://target.example/

# used NAME COMMAND...: runs it, and compares what came with the credentials
used() {
    name=$1
    shift
    : >"$work/notes"
    said=$("$@" 2>&1)
    is "$said $(cat "$work/notes")" "ok {\"user\": \"$user\", \"password\": \"$password\"}" "$name"
}
with_environment() (
    set -a
    # shellcheck disable=SC1091
    . "$work/env"
    curl -s -m 30 "$url"
)
for scheme in http socks5h; do
    fresh
    run put "$scheme://u%40s%25r:p%3Aa%2Fs%3Fs%23w%20%22d%27%5C%24%60~%C3%A9%FF%2A@$proxy"
    run export --reveal --format curl "$work/curlrc"
    used "$scheme: curl -K" curl -s -m 30 -K "$work/curlrc" "$url"
    run export --reveal --format env "$work/env"
    used "$scheme: lines of the environment" with_environment
    run export --reveal --format url "$work/url"
    used "$scheme: a URL" curl -s -m 30 -x "$(cat "$work/url")" "$url"
    run export --reveal --template 'curl -s -m 30 -x {url|shell} "$1"' "$work/script"
    used "$scheme: a script that a template made" sh "$work/script" "$url"
done
fresh
run put "http://u%40s%25r:p%3Aa%2Fs%3Fs%23w%20%22d%27%5C%24%60~%C3%A9%FF%2A@$proxy"
run export --reveal --template 'curl -s -m 30 -x {scheme}://{hostport} --proxy-user {username|shell}:{password|shell} "$1"' "$work/script"
used "user name and password as words of a shell" sh "$work/script" "$url"

# proxychains has no quotes: what it takes is all but white space.
if command -v proxychains4 >/dev/null; then
    user=$(printf 'u@s%%r' | od -An -tx1 | tr -d ' \n')
    password=$(printf "p:a/s?s#w\"d'%s\$\`~\303\251\377*" '\' | od -An -tx1 | tr -d ' \n')
    for scheme in socks5 http; do
        fresh
        run put "$scheme://u%40s%25r:p%3Aa%2Fs%3Fs%23w%22d%27%5C%24%60~%C3%A9%FF%2A@$proxy"
        if [ $scheme = http ]; then
            run export --reveal --format proxychains "$work/proxychains.conf"
            like "$err" 'a byte beyond ASCII in the credentials' "http: proxychains sends ASCII only"
            fresh
            run put "$scheme://u%40s%25r:p%3Aa%2Fs%3Fs%23w%22d%27%5C%24%60~%2A@$proxy"
            password=${password%c3a9ff2a}2a
        fi
        run export --reveal --format proxychains "$work/proxychains.conf"
        used "$scheme: proxychains" proxychains4 -q -f "$work/proxychains.conf" curl -s -m 30 http://192.0.2.80/
    done
else
    skip "proxychains4 is not installed"
fi
done_testing
