#!/bin/sh
# export FILE: a regular file is replaced as a whole, anything else stays what it is.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
run put http://192.0.2.1:8080
run export "$work/new.jsonl"
is "$code/$(wc -l <"$work/new.jsonl")/$(stat -c %a "$work/new.jsonl")" 0/1/600 "a new file, for its owner only"
printf 'old\nold\n' >"$work/old.jsonl"
inode=$(stat -c %i "$work/old.jsonl")
run export "$work/old.jsonl"
is "$code/$(grep -c proxy_url "$work/old.jsonl")" 0/1 "a regular file has the export"
[ "$(stat -c %i "$work/old.jsonl")" != "$inode" ]
ok $? "... as a new file that was renamed over it"
ln -s /dev/full "$work/full"
run export "$work/full"
is "$code" 74 "a full device is told"
is "$(readlink "$work/full")" /dev/full "... and not replaced"
ln -s target.jsonl "$work/link"
printf 'a longer line than the export has, %0600d\nand another\n' 0 >"$work/target.jsonl"
run export "$work/link"
is "$code/$(readlink "$work/link")" 0/target.jsonl "a symbolic link stays one"
is "$(wc -l <"$work/target.jsonl")/$(grep -c proxy_url "$work/target.jsonl")" 1/1 "... and its target has the export, nothing else"
is "$(stat -c %a "$work/target.jsonl")" 600 "... for its owner only, as any export"
ln -s not-yet.jsonl "$work/dangling"
run export "$work/dangling"
is "$code/$(readlink "$work/dangling")/$(grep -c proxy_url "$work/not-yet.jsonl")" 0/not-yet.jsonl/1 \
    "a symbolic link to a file that is not there yet"
mkfifo "$work/fifo"
timeout 10 cat "$work/fifo" >"$work/read" &
run export "$work/fifo"
[ -p "$work/fifo" ]
ok $? "a FIFO stays one"
wait
is "$(grep -c proxy_url "$work/read")" 1 "... and its reader gets the export"
echo kept >"$work/read-only"
chmod 444 "$work/read-only"
inode=$(stat -c %i "$work/read-only")
run export "$work/read-only"
is "$(stat -c %i/%a "$work/read-only")" "$inode/444" "a read-only file is not replaced"
if [ "$(id -u)" -eq 0 ]; then
    is "$code/$(grep -c proxy_url "$work/read-only")" 0/1 "... root may write into it"
else
    is "$code/$(cat "$work/read-only")" 73/kept "... it is refused"
fi
run put http://u:p@192.0.2.2:80
run keygen
for kept in backup read-only; do
    rm -f "$work/$kept"
    echo PRECIOUS >"$work/$kept"
done
chmod 444 "$work/read-only"
ln -sf backup "$work/link"
printf 'encryptor: {plugin: fernet, key_file: %s}\n' "$work/other.key" >"$work/other-key.yaml"
(umask 077 && echo "$out" >"$work/other.key")
cat >"$work/off.yaml" <<END
tiers:
  - {plugin: l2_jsonl}
  - {plugin: l9_nowhere, required: false}
END
# Only root may write to a read-only file.
in_place=link
[ "$(id -u)" -ne 0 ] || in_place="link read-only"
for file in backup $in_place; do
    run --config "$work/other-key.yaml" export --reveal "$work/$file"
    is "$code/$(cat "$work/backup")/$(cat "$work/read-only")" 77/PRECIOUS/PRECIOUS "export that fails to $file keeps the backup"
done
[ -L "$work/link" ]
ok $? "... and the link"
for file in $in_place; do
    run --config "$work/off.yaml" export "$work/$file"
    is "$code/$(cat "$work/backup")/$(cat "$work/read-only")" 69/PRECIOUS/PRECIOUS "export without a tier to $file keeps the backup"
done
run export "$work"
is "$code" 73 "a folder is refused"
like "$err" "cannot write $work: Is a directory" "... with the reason"
is "$(find "$work" -name '*.new-*' | wc -l)" 0 "no temporary file is left"
done_testing
