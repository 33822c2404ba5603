#!/bin/sh
# The floors of the house: a folder of core/ includes itself and the folders below it, a plugin <proxtier/...> only, a
# program the public headers only. The order of the floors stands in Makefile.am.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"

# violations TREE: prints FILE:LINE: INCLUDE for each include that is not allowed
violations() {
    (cd "$1" && find core plugins cli examples include bench -name '*.[ch]' -exec grep -n '#include' {} /dev/null \; |
        awk -F: -v makefile=Makefile.am '
            BEGIN {
                while ((getline line <makefile) > 0)
                    if (line ~ /^include core\/[a-z]+\/local.mk$/) {
                        split(line, part, "/")
                        floor[part[2]] = ++floors
                    }
                if (floors < 2) print "Makefile.am has no list of floors"
            }
            {
                file = $1; include = $3
                sub(/^ *#include */, "", include)
                name = substr(include, 2, length(include) - 2)
                sub(/[">].*/, "", name)
                quoted = include ~ /^"/
                split(file, part, "/")
                bad = 0
                if (part[1] == "core" && quoted) {
                    split(name, target, "/")
                    bad = !(target[1] in floor) || floor[target[1]] > floor[part[2]]
                } else if (quoted && name ~ /\.\.|^core\//)
                    bad = 1
                else if (quoted && part[1] == "plugins")
                    bad = name ~ /\//
                else if (part[1] == "include")
                    bad = quoted
                if (bad) print file ":" $2 ": " include
            }')
}
is "$(violations "$abs_top_srcdir")" "" "no include leads upward, and no plugin or program into the core"

# The same look at trees that break a rule each.
broken() { # FILE INCLUDE NAME
    rm -rf "$work/tree"
    mkdir -p "$work/tree/core" "$work/tree/plugins" "$work/tree/cli" "$work/tree/examples" "$work/tree/include" "$work/tree/bench"
    cp "$abs_top_srcdir/Makefile.am" "$work/tree/"
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '/* a file */\n#include %s\n' "$2" >"$work/tree/$1"
    is "$(violations "$work/tree")" "$1:2: $2" "$3 is found"
}
broken core/base/x.c '"chain/chain.h"' "an include upward"
broken core/tier/x.c '"nowhere/x.h"' "an include of a folder that is no floor"
broken plugins/tiers/memory/x.c '"base/fail.h"' "a plugin that includes the core"
broken plugins/tiers/memory/x.c '"../../../core/base/fail.h"' "... also by a path"
broken cli/x.c '"../core/base/fail.h"' "a program that includes the core"
broken include/proxtier/x.h '"entry.h"' "a public header that needs a search path"

folders=$(cd "$abs_top_srcdir" && for folder in core/*/ plugins/*/ plugins/tiers/*/; do echo "${folder%/}"; done)
is "$(for folder in $folders; do
    [ -f "$abs_top_srcdir/$folder/README.md" ] || [ "$folder" = plugins/tiers ] || echo "$folder"
done)" "" "each folder says what lives in it, in a README.md"
is "$(cd "$abs_top_srcdir" && for file in core/*/*.[ch] plugins/*/*.[ch] plugins/*/*/*.[ch] cli/*.[ch] cli/*/*.[ch]; do
    grep -q "/${file##*/}\\( \\|\$\\)" "$(dirname "$file")/local.mk" "$(dirname "$(dirname "$file")")/local.mk" 2>/dev/null || echo "$file"
done)" "" "each source is named in the local.mk beside it"
done_testing
