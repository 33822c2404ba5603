#!/bin/sh
# bug-report has what a report needs, and nothing that is secret.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
mkdir -p "$work/.config/proxtier" "$work/private"
cat >"$work/.config/proxtier/proxtier.yaml" <<END
default_ttl: 2h
encryptor: {plugin: fernet, key_command: 'vault read s3cret-path', previous_key_file: ~/private/s3cret.key}
source_ttl: {"http://ann:s3cret@192.0.2.1": 2h}
tiers:
  - {plugin: l1_memory, max_entries: 5}
  - {plugin: l3_sqlite, path: ~/private/p.db}
END
PROXYWHIRL_CACHE_ENCRYPTION_KEY=s3cret PROXTIER_LOCK_TIMEOUT=3s
export PROXYWHIRL_CACHE_ENCRYPTION_KEY PROXTIER_LOCK_TIMEOUT
run bug-report
is "$code" 0 "bug-report"
like "$out" "^proxtier [0-9.]*, plugin ABI [0-9.]*$" "it has the versions"
like "$out" '^l3_sqlite [0-9.]*, ABI .*/l3_sqlite.so$' "... the plugins"
like "$out" '^default_ttl: 2h  # ~/.config/proxtier/proxtier.yaml:1$' "... the configuration with origins"
like "$out" "path: '~/private/p.db'" "... and places"
like "$out" '^PROXYWHIRL_CACHE_ENCRYPTION_KEY$' "... names of variables"
like "$out" '^  key_command: (left out)  # ~/.config/proxtier/proxtier.yaml:2$' "what may be secret is left out, its origin is not"
is "$(echo "$out" | grep -c -e s3cret -e "$work/\.")" 0 "no secret is in it, nor the name of the home"
[ ! -e "$work/private/p.db" ]
ok $? "no tier is opened"
echo 'encryptor: {plugin: fernet, kex: http://ann:s3cret@192.0.2.1}' >"$work/.config/proxtier/proxtier.yaml"
run bug-report
is "$code" 0 "a configuration that is wrong does not keep it from reporting"
like "$out" '^PXT_ECONFIG: ~/.config/proxtier/proxtier.yaml:1:29: unknown option "kex"' "... and is told"
is "$(echo "$out" | grep -c s3cret)" 0 "... without its values"
done_testing
