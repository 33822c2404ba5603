#!/bin/sh
# proxtier-troubleshooting(7) has every status and every warning, and quotes no message that does not exist.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
page=$abs_top_srcdir/man/proxtier-troubleshooting.7
sed -n 's/^ *X(\([A-Z_]*\), [0-9]*, \([0-9]*\), .*/PXT_\1 \2/p' "$abs_top_srcdir/include/proxtier/error.h" |
    grep -v -e '^PXT_OK ' -e '^PXT_NOT_FOUND ' >"$work/wanted"
sed -n 's/^\.Ss \(PXT_[A-Z_]*\), exit code \([0-9]*\)$/\1 \2/p' "$page" >"$work/found"
[ "$(wc -l <"$work/wanted")" -gt 10 ]
ok $? "the table of statuses is read"
is "$(cat "$work/found")" "$(cat "$work/wanted")" "every status has its section, with its exit code, in the order of the table"
for word in PXT_OK PXT_NOT_FOUND; do
    grep -q "^\.Sy $word" "$page"
    ok $? "$word is explained"
done
lacking=$(awk '
    /^\.Ss PXT_/ { if (name && seen != 7) print name; name = $2; seen = 0 }
    /^\.Sh WARNINGS/ { if (name && seen != 7) print name; name = "" }
    /^\.Em Cause/ { seen += 1 } /^\.Em Check/ { seen += 2 } /^\.Em Remedy/ { seen += 4 }' "$page")
is "$lacking" "" "each has a cause, a check and a remedy"
if ! command -v python3 >/dev/null; then
    skip "python3 is not installed"
    done_testing
fi
cat >"$work/messages.py" <<'END'
import glob, re, sys
top, page = sys.argv[1], open(sys.argv[2]).read()
quoted = [m.replace("\\(ga", "`") for m in re.findall(r"^\.(?:It )?Dq (.*)$", page, re.M)]
source = "".join(open(f).read() for folder in ("core", "plugins") for f in glob.glob(f"{top}/{folder}/**/*.c", recursive=True))
source = re.sub(r'"\s*\n\s*"', "", source)
for message in quoted:
    if message not in source:
        print("quoted, and not in the source:", message)
warnings = 0
for call in re.findall(r"(?:PXT_MESSAGE|PXT_LOG)_(?:WARNING|NOTICE|ERROR)\s*,([^;]*);", source):
    texts = [t for t in re.findall(r'"((?:[^"\\]|\\.)*)"', call) if " " in t]
    if not texts:
        continue
    warnings += 1
    if not any(message in text for text in texts for message in quoted):
        print("a warning that the page lacks:", texts[0])
if len(quoted) < 20 or warnings < 10:
    print("too little is found:", len(quoted), "quotations,", warnings, "warnings")
END
is "$(python3 "$work/messages.py" "$abs_top_srcdir" "$page")" "" "every warning and notice is explained, and every quotation is of a message"
done_testing
