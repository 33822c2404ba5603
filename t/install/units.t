#!/bin/sh
# The units of systemd: they are well-formed, confined, and run a command that exists.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
for name in expire check; do
    make -s -C "$abs_top_builddir" "etc/systemd/proxtier-$name.service" >"$work/make.log" 2>&1
    ok $? "the unit to $name is made" || sed 's/^/# /' "$work/make.log"
    cp "$abs_top_builddir/etc/systemd/proxtier-$name.service" "$abs_top_srcdir/etc/systemd/proxtier-$name.timer" "$work/"
    unit=$work/proxtier-$name.service
    is "$(grep -c '@[a-z]' "$unit")" "$(grep -c '=~\?@[a-z]' "$unit")" "no placeholder is left in it"
done
unit=$work/proxtier-expire.service
command=$(sed -n 's/^ExecStart=[^ ]* //p' "$unit")
# shellcheck disable=SC2086
run $command
is "$code" 0 "the command of the unit, proxtier $command, works"
check=$work/proxtier-check.service
is "$(sed -n 's/^ExecStart=[^ ]* //p' "$check")" "--quiet check \$CHECK_OPTIONS" "the other unit checks"
if [ -x "$abs_top_builddir/proxtier-check" ]; then
    run --quiet check
    is "$code $(sed -n 's/^SuccessExitStatus=//p' "$check")" "1 1" "with nothing due that is no failure"
    run put http://127.0.0.1:1
    run --quiet check --url http://127.0.0.1:1/ --timeout 5s
    is "$code" 0 "nor is a proxy that fails"
    run clear --yes
else
    skip "libcurl is not installed"
fi
# What confines the one confines the other, but for the network.
grep '^[A-Z].*=' "$unit" | grep -v '^Desc\|^Exec' | sort >"$work/expire"
grep '^[A-Z].*=' "$check" | grep -v '^Desc\|^Exec' | sort >"$work/check"
is "$(comm -23 "$work/expire" "$work/check" | sed 's/=.*//' | tr '\n' ' ')" "IPAddressDeny PrivateNetwork RestrictAddressFamilies " \
    "it is confined as the unit to expire is, but for the network"

# ---- the credentials of the unit ----
names=$(sed -n 's/^LoadCredential=\([^:]*\):.*/\1/p' "$unit" | tr '\n' ' ')
is "$names" "fernet.key fernet-previous.key " "the unit hands over two keys"
mkdir -m 700 "$work/credentials" "$work/later"
head -c 32 /dev/zero | base64 | tr '+/' '-_' >"$work/credentials/fernet.key"
chmod 440 "$work/credentials/fernet.key" # as an access control list of systemd looks
echo s3cret | CREDENTIALS_DIRECTORY=$work/credentials "$PROXTIER" put --username ann --password-file - http://192.0.2.1:80 \
    >"$work/put.log" 2>&1
[ $? -eq 0 ] && [ ! -e "$work/.local/state/proxtier/fernet.key" ]
ok $? "the first seals, and no other key is made" || sed 's/^/# /' "$work/put.log"
mv "$work/credentials/fernet.key" "$work/later/fernet-previous.key"
head -c 32 /dev/zero | tr '\0' '1' | base64 | tr '+/' '-_' >"$work/later/fernet.key"
out=$(CREDENTIALS_DIRECTORY=$work/later "$PROXTIER" get --reveal http://ann@192.0.2.1:80 2>&1)
is "$out" http://ann:s3cret@192.0.2.1:80 "the second opens what an older key sealed"

if ! command -v systemd-analyze >/dev/null; then
    skip "systemd-analyze is not installed"
    done_testing
fi
# The command is not installed where the unit says.
sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$unit" "$check"
for name in expire check; do
    said=$(systemd-analyze verify --man=no "$work/proxtier-$name.service" "$work/proxtier-$name.timer" 2>&1)
    is "$?$said" 0 "systemd-analyze verify finds nothing in those to $name"
done
said=$(systemd-analyze security --offline=yes --threshold=20 "$unit" 2>&1)
ok $? "systemd-analyze security gives it 2.0 or less" || printf '%s\n' "$said" | grep -v '^✓' | sed 's/^/# /'
said=$(systemd-analyze security --offline=yes --threshold=20 "$check" 2>&1)
ok $? "and so to the one that needs the network" || printf '%s\n' "$said" | grep -v '^✓' | sed 's/^/# /'
done_testing
