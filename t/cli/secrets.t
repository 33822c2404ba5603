#!/bin/sh
# Credentials through every command: in no output without --reveal, in no file, on no command line.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
secret='c4n4ry"\ x'
: >"$work/all"
log() { printf '%s\n%s\n' "$out" "$err" >>"$work/all"; }
run --log-level debug put 'http://us3r:c4n4ry%22%5C%20x@192.0.2.1:8080'
key=$out
log
printf '%s\n' "$secret" >"$work/password"
run --log-level debug put --username us3r --password-file "$work/password" http://192.0.2.2:8080
log
printf 'http://us3r:c4n4ry@192.0.2.3:1\nhttp://us3r:c4n4ry@192.0.2.3:x\nus3r:c4n4ry@nope\n' >"$work/list.txt"
for arguments in "warm $work/list.txt" "get $key" "get" "list" "list --json" "show $key" "show --json $key" "stats" \
    "stats --json" "stats --openmetrics" "report $key fail --reason x" "export" "config show" "plugin list"; do
    run --log-level debug $arguments
    log
done
run put 'http://us3r:c4n4ry@192.0.2.9'
log
run get "http://us3r:c4n4ry@192.0.2.9"
log
! grep -n c4n4ry "$work/all"
ok $? "no output or message has the password"
! grep -rla c4n4ry "$work/.cache" "$work/.local"
ok $? "no file has it"
grep -q '(sealed)' "$work/all"
ok $? "show says that there is one"
run get --reveal "$key"
is "$out" 'http://us3r:c4n4ry%22%5C%20x@192.0.2.1:8080' "--reveal shows it, percent-encoded"
is "$(find "$work/.cache" "$work/.local" -perm /077 | wc -l)" 0 "no file or folder is open to others"
is "$(stat -c %a "$work/.local/state/proxtier/fernet.key")" 600 "the key file is private"
done_testing
