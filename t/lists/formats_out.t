#!/bin/sh
# Each format of export is read back as the proxies that it was made of: by an import, by a parser of the documented quoting, by the
# program itself where it is installed. What a format cannot carry is named, and never with a credential.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
formats=$("$PROXTIER" export --help | sed -n 's/^        \([a-z0-9-]*\)  .*/\1/p')

completion=$("$PROXTIER" completion bash)
is "$(for format in $formats; do
    grep -q -e "\\b$format\\b" "$abs_top_srcdir/man/proxtier-export.5" || echo "manual: $format"
    printf '%s\n' "$completion" | grep -q -e "[\" ]$format[\" ]" || echo "completion: $format"
done)" "" "each format is in the manual and in the completion"

# One of each kind; the user and the password of the first have all that is special anywhere.
cat >"$work/list" <<'END'
http://u%40s%25r:p%3Aa%2Fs%3Fs%23w%20%22d%27%5C%24%60~@192.0.2.1:8080
https://alice:s%40cret@proxy.example:443
socks4://192.0.2.3:1080
socks4a://bob@proxy.example:1081
socks5://carol:pa%24%24@[2001:db8::1]:1080
socks5h://dave:%C3%A9%FF@h.example:9
http://plain.example:3128
http://erin:simple@192.0.2.9:80
http://192.0.2.10:81
END
"$PROXTIER" warm "$work/list" >/dev/null 2>&1
"$PROXTIER" list --reveal | sort >"$work/all"
is "$(wc -l <"$work/all")" 9 "nine proxies are stored"

# loaded FILE [WARM-OPTION...]: the URLs that another place has after the file was loaded
loaded() (
    export HOME="$work/other"
    rm -rf "$HOME"
    mkdir "$HOME"
    file=$1
    shift
    "$PROXTIER" warm "$@" "$file" >/dev/null 2>"$work/warm-err" || cat "$work/warm-err"
    "$PROXTIER" list --reveal | sort
)
# export_as FORMAT [OPTION...]: into $work/out, what was named into $err
export_as() {
    format=$1
    shift
    run export --reveal --format "$format" "$@" "$work/out"
}

# ---- what our import reads --------------------------------------------------------------------------------------------
for format in jsonl json csv url; do
    export_as "$format"
    is "$code $err" "0 exported 9" "$format: all are exported"
    is "$(loaded "$work/out")" "$(cat "$work/all")" "... and read back, with credentials"
done
# Forms without a scheme are compared without it.
"$PROXTIER" export -q --reveal --template '{key} {url}' | sed 's/%7E/~/; s/ [a-z0-9]*:/ x:/' >"$work/by-key"
for format in userpass-at-hostport hostport-userpass userpass-hostport hostport-at-userpass scheme-hostport-userpass; do
    export_as "$format"
    printf '%s\n' "$err" | sed -n 's/^proxtier: \([0-9a-f]*\) is not exported.*/\1/p' >"$work/named"
    is "$(loaded "$work/out" --default-scheme http | sed 's/^[a-z0-9]*:/x:/' | LC_ALL=C sort)" \
        "$(grep -v -f "$work/named" "$work/by-key" | sed 's/^[^ ]* //' | LC_ALL=C sort)" "$format: what is not named is read back"
    case $format in
    userpass-at-hostport) is "$(wc -l <"$work/named")" 0 "... that is all" ;;
    *) is "$(wc -l <"$work/named") $(printf '%s' "$err" | grep -c ': a colon in the credentials')" "1 1" "... all but one" ;;
    esac
done
export_as hostport
is "$(sort "$work/out" | tr '\n' ' ')" "192.0.2.10:81 192.0.2.3:1080 plain.example:3128 " "hostport: proxies without credentials"
is "$(printf '%s\n' "$err" | grep -c 'is not exported: the format has no place for credentials')" 6 "... the others are named"
run export --format hostport
is "$(printf '%s\n' "$out" | grep -a -c .)/$code" 9/0 "without --reveal all are there"
like "$err" "notice: 6 exported without credentials" "... and it is told that they have none"

# ---- no credential in what is named ---------------------------------------------------------------------------------------
for format in $formats; do
    export_as "$format"
    printf '%s\n' "$err" | grep -a -q -e 's@cret' -e 'simple' -e 'p:a/s' -e 'u@s'
    is $? 1 "$format: messages have no credential"
    run export --format "$format"
    printf '%s\n' "$out" | grep -a -q -e 's@cret' -e 'simple' -e 's%40cret'
    is $? 1 "... and without --reveal the export has none"
done

# ---- exit codes ---------------------------------------------------------------------------------------------------------
export_as haproxy --strict
is "$code" 65 "--strict: exit 65 where one was left out"
[ -s "$work/out" ]
ok $? "... and the others are in the file"
export_as haproxy --reject "$work/rejects"
is "$code $(grep -c ': ' "$work/rejects")" "0 7" "--reject has all that were left out"
rm -rf "$work/one"
mkdir "$work/one"
(HOME=$work/one "$PROXTIER" put socks5://192.0.2.1:1 >/dev/null
    HOME=$work/one "$PROXTIER" export --format squid >/dev/null 2>&1)
is $? 65 "exit 65 where all were left out"
run export --format sqid
is "$code" 64 "an unknown format is a wrong command line"
like "$err" 'unknown format "sqid" (did you mean "squid"?)' "... with a hint"
run export --format nothing-like-it
like "$err" 'there are jsonl, json, csv, url,.* pac' "... or the list of formats"

# ---- templates ------------------------------------------------------------------------------------------------------------
first=$(grep '192.0.2.1:8080' "$work/all")
password=$(printf "p:a/s?s#w \"d'%s\$\`~" '\')
template() { # TEMPLATE: what it makes of the first proxy
    "$PROXTIER" export --reveal --template "$1" | grep -a '^192.0.2.1 ' | sed 's/^192.0.2.1 //'
}
word=$(template '{host} {password|shell}')
eval "unquoted=$word"
is "$unquoted" "$password" "a shell reads what |shell writes"
is "$(template '{host} {password}')" "$password" "no filter, no change"
is "$(template '{host} {url}')" "$(printf '%s' "$first" | sed 's/~/%7E/')" "{url} has percent-encoded credentials"
is "$(template '{host} {password|base64}' | base64 -d)" "$password" "|base64"
is "$(template '{host} {password|percent|shell}')" "'p%3Aa%2Fs%3Fs%23w%20%22d%27%5C%24%60%7E'" "filters follow each other"
is "$(template '{host} {{{scheme}}}\t{port}')" "{http}	8080" "braces and escapes"
is "$("$PROXTIER" export -q --template '{host}\0' | tr '\0' '\n' | grep -c .)" 9 "a text that ends in NUL gets no line feed"
is "$("$PROXTIER" export -q --template '{key},{health_status},{last_health_check}x' | grep -c '^[0-9a-f]*,unknown,x$')" 9 \
    "fields have their names; what is absent is empty"
run export --reveal --template '{password|json}'
like "$err" 'is not exported: a value that is not UTF-8' "|json takes UTF-8 only"
wrong() { # TEMPLATE MESSAGE
    run export --template "$1"
    is "$code" 64 "template $1 is a wrong command line"
    like "$err" "$2" "... $2"
}
wrong '{usrname}' 'column 2: unknown value "usrname" (did you mean "username"?)'
wrong '{url|shel}' 'column 6: unknown filter "shel" (did you mean "shell"?)'
wrong '{url' 'column 1: this { has no }'
wrong 'url}' 'column 4: this } has no {'
wrong 'a\x' 'column 2: a backslash stands before'
run export --template '{url}' --format json
is "$code" 64 "a template beside a format"

# ---- curl, environment --------------------------------------------------------------------------------------------------
export_as env
# shellcheck disable=SC1090
urls=$(for i in 1 2 3 4 5 6 7 8 9; do
    sed -n "$((6 * i - 5)),$((6 * i))p" "$work/out" >"$work/env"
    (set -a && . "$work/env" && printf '%s\n' "$http_proxy" "$ALL_PROXY")
done | uniq)
printf '%s\n' "$urls" >"$work/urls"
is "$(loaded "$work/urls")" "$(cat "$work/all")" "env: a shell reads the lines, twice the same URL"
export_as curl
sed 's/^proxy = "\([^"\\]*\)"$/\1/' "$work/out" >"$work/urls"
is "$(loaded "$work/urls")" "$(cat "$work/all")" "curl: each line is one quoted URL"

# ---- parsers by the documented quoting ---------------------------------------------------------------------------------
export_as proxychains
is "$(sed 1,/ProxyList/d "$work/out" | LC_ALL=C sort)" "http 192.0.2.10 81
http 192.0.2.9 80 erin simple
socks4 192.0.2.3 1080
socks5 2001:db8::1 1080 carol pa\$\$" "proxychains: words between blanks"
like "$err" 'white space in the credentials' "... no credentials with blanks"
like "$err" 'the format takes addresses, and no host names' "... no names"
export_as 3proxy
is "$(awk '{ sum += $2 } END { print sum }' "$work/out")/$(wc -l <"$work/out")" 1000/8 "3proxy: the weights are 1000 together"
# Words, quoted in " with "" for it.
words=$(grep ' 192.0.2.1 8080 ' "$work/out" | sed 's/^[^"]*//' | awk '{
    while (match($0, /"([^"]|"")*"/)) {
        word = substr($0, RSTART + 1, RLENGTH - 2)
        gsub(/""/, "\"", word)
        print word
        $0 = substr($0, RSTART + RLENGTH)
    }
}')
is "$words" "u@s%r
$password" "... its quotes are doubled"
export_as squid
login=$(sed -n 's/^cache_peer 192.0.2.1 parent 8080 .* login=\([^ ]*\)$/\1/p' "$work/out")
printf 'http://%s@192.0.2.1:8080\n' "$login" >"$work/urls"
is "$(loaded "$work/urls")" "$first" "squid: login= decodes to the credentials"
is "$(tail -n 1 "$work/out")" "never_direct allow all" "... and nothing goes past the proxies"
like "$err" 'the format does not have its scheme' "... no SOCKS"
export_as haproxy
is "$(sed -n 's/^ *server p_[0-9a-f]* //p' "$work/out" | sort | tr '\n' ' ')" "192.0.2.10:81 plain.example:3128 " \
    "haproxy: http without credentials"

# ---- the programs themselves --------------------------------------------------------------------------------------------
if command -v haproxy >/dev/null; then
    export_as haproxy
    cat >"$work/front" <<'END'
defaults
    timeout connect 10s
    timeout client 1m
    timeout server 1m
frontend proxies
    mode tcp
    bind 127.0.0.1:3128
    default_backend proxtier
END
    haproxy -c -f "$work/front" -f "$work/out" >"$work/said" 2>&1
    ok $? "haproxy -c accepts it"
    sed 's/^/# /' "$work/said"
else
    skip "haproxy is not installed"
fi
if command -v squid >/dev/null; then
    export_as squid
    squid -k parse -f "$work/out" >"$work/said" 2>&1
    ok $? "squid -k parse accepts it"
    grep -i -e error -e fatal "$work/said" | sed 's/^/# /'
else
    skip "squid is not installed"
fi
if command -v node >/dev/null; then
    export_as pac
    result=$(node -e '
        const text = require("fs").readFileSync(process.argv[1], "utf8")
        const find = new Function(text + "; return FindProxyForURL")()
        const one = find("http://a.example/", "a.example")
        const all = new Set()
        for (let i = 0; i < 100; i++)
            find("http://h/", "h" + i).split("; ").forEach(choice => all.add(choice))
        console.log(one === find("http://a.example/b", "a.example"), one.split("; ").length, one.endsWith("; DIRECT"),
            [...all].sort().join(","))' "$work/out")
    is "$result" "true 4 true DIRECT,PROXY 192.0.2.10:81,PROXY plain.example:3128,SOCKS4 192.0.2.3:1080" \
        "a host has the same proxies each time, and each proxy has its hosts"
else
    skip "node is not installed"
fi
done_testing
