#!/bin/sh
# The units of systemd: they are well-formed, confined, and run a command that exists.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
make -s -C "$abs_top_builddir" etc/systemd/proxtier-expire.service >"$work/make.log" 2>&1
ok $? "the unit is made" || sed 's/^/# /' "$work/make.log"
cp "$abs_top_builddir/etc/systemd/proxtier-expire.service" "$abs_top_srcdir/etc/systemd/proxtier-expire.timer" "$work/"
unit=$work/proxtier-expire.service
is "$(grep -c '@[a-z]' "$unit")" "$(grep -c '=~\?@[a-z]' "$unit")" "no placeholder is left in it"
command=$(sed -n 's/^ExecStart=[^ ]* //p' "$unit")
# shellcheck disable=SC2086
run $command
is "$code" 0 "the command of the unit, proxtier $command, works"
if ! command -v systemd-analyze >/dev/null; then
    skip "systemd-analyze is not installed"
    done_testing
fi
# The command is not installed where the unit says.
sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$unit"
said=$(systemd-analyze verify --man=no "$unit" "$work/proxtier-expire.timer" 2>&1)
is "$?$said" 0 "systemd-analyze verify finds nothing"
said=$(systemd-analyze security --offline=yes --threshold=20 "$unit" 2>&1)
ok $? "systemd-analyze security gives it 2.0 or less" || printf '%s\n' "$said" | grep -v '^✓' | sed 's/^/# /'
done_testing
