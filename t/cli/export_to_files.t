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
run export "$work"
is "$code" 73 "a folder is refused"
like "$err" "cannot write $work: Is a directory" "... with the reason"
is "$(find "$work" -name '*.new-*' | wc -l)" 0 "no temporary file is left"
done_testing
