#!/bin/sh
# proxtier-check, by hand; and what other processes can see of it.
. "${abs_top_srcdir:-.}/t/check/check_kit.sh"
worker=$PROXTIER_LIBEXEC_DIR/proxtier-check
# ask LINES [EXPECT]
ask() {
    printf "$1" | "$worker" "$page/" "${2-}" 5 10 0 >"$work/.out" 2>"$work/.err"
    code=$?
    out=$(sort "$work/.out")
    err=$(cat "$work/.err")
}
ask "a http://127.0.0.1:$port_http\nb socks5://127.0.0.1:$port_socks5\nc http://127.0.0.1:$port_dead\n"
is "$code" 0 "the worker ends with its input"
is "$(echo "$out" | sed 's/ [0-9]\+/ N/; s/ N .*/ N REASON/')" "a ok N
b ok N
c fail N REASON" "a line for each proxy"
ask "a http://bob:p%%40ss%%3Aw%%2Fd@127.0.0.1:$port_http_login\n"
like "$out" '^a ok ' "credentials are decoded"
ask "a gopher://bob:geheim@127.0.0.1:1\nb http://bob:ge%%00heim@127.0.0.1:1\nc http://bob:geheim@\nd\n\ne http://bob:geheim@[::1\n"
is "$(echo "$out" | sed 's/^\([a-e]\{0,1\} [a-z]*\) .*/\1/' | grep -c ' \(error\|fail\)$')" 6 "what is no proxy has a result too"
is "$(echo "$out" | grep -c ' ok ')" 0 "and is never good: no request is made without a proxy"
is "$(printf '%s\n' "$out $err" | grep -c -e heim -e bob)" 0 "no message has credentials"
ask "a http://127.0.0.1:$port_http"
is "$out" "" "a line without its end is not taken"
printf 'a http://127.0.0.1:%070000d\n' 1 | "$worker" "$page/" '' 5 10 0 >"$work/.out" 2>"$work/.err"
is $? 65 "a line that is too long: exit 65"
"$worker" "$page/" '(' 5 10 0 </dev/null 2>"$work/.err"
is $? 64 "a wrong expression: exit 64"
"$worker" 2>"$work/.err"
is $? 64 "no arguments: exit 64"

# A check that hangs, and who else sees the credentials.
echo geheim >"$work/password"
"$PROXTIER" put --username bobby --password-file "$work/password" "http://127.0.0.1:$port_silent" >"$work/.put"
PROXTIER_DEFAULT_TTL=1h PROXYWHIRL_CACHE_KEY_PREVIOUS='' "$PROXTIER" check --url "$page/" --timeout 50s >"$work/.out" 2>&1 &
process=$!
child=
for _ in $(seq 300); do
    child=$(cat "/proc/$process/task/$process/children" 2>/dev/null | tr -d ' ')
    [ -n "$child" ] && { tr "\0" "\n" <"/proc/$child/cmdline"; } 2>/dev/null | grep -q '^proxtier-check$' && break
    sleep 0.1
done
[ -n "$child" ]
ok $? "the worker is a child of check"
is "$(cat "/proc/$process/cmdline" "/proc/$child/cmdline" | grep -c -a -e geheim -e bobby)" 0 "no command line has the credentials"
is "$(tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep -c -e geheim -e bobby -e '^PROXTIER_' -e '^PROXYWHIRL_')" 0 \
    "nor has its environment, nor any variable of proxtier"
is "$(stat -c %u "/proc/$child/environ")" 0 "another process of the user may not look into it"
kill -TERM $process
wait $process
is $? 143 "check ends by a signal"
[ ! -d "/proc/$child" ]
ok $? "and its worker with it"
is "$("$PROXTIER" show "$("$PROXTIER" list --keys)" | sed -n 's/^total_health_checks *//p')" 0 "a check that was broken off is not recorded"

if command -v ldd >/dev/null; then
    libraries=$(ldd "$abs_top_builddir/.libs/proxtier" "$abs_top_builddir/.libs/libproxtier.so" 2>/dev/null)
    is "$(echo "$libraries" | grep -c libcurl)" 0 "neither the command nor the library needs libcurl"
else
    skip "no ldd here"
fi
done_testing
