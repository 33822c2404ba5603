#!/bin/sh
# What `make install` and `make uninstall` do to a place that somebody uses: what was edited stays.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
stage=$work/stage
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs this test
make_in_stage() {
    make -C "$abs_top_builddir" "$@" DESTDIR="$stage" >"$work/make.log" 2>&1
    is "$?" 0 "make $*" || sed 's/^/# /' "$work/make.log"
}
make_variable() { sed -n "s/^$1 = //p" "$abs_top_builddir/Makefile" | head -n 1; }
prefix=$(make_variable prefix)
tree=$stage$prefix

make_in_stage install
file=$(find "$stage" -path '*/etc/proxtier/proxtier.yaml')
stock=$(find "$stage" -path '*/share/proxtier/proxtier.yaml')
cmp -s "$file" "$abs_top_srcdir/etc/proxtier.yaml"
ok $? "the stock configuration is installed"
outside=$(find "$stage" -type f ! -path "$tree/*" ! -path "$stage/etc/*" ! -path '*/systemd/system/*')
is "$outside" "" "nothing is outside the prefix"

# ---- a copied tree ----
moved=$work/moved
cp -a "$tree" "$moved"
chmod -R go-w "$moved"
unset PROXTIER_PLUGIN_PATH
if [ "$(make_variable RELOCATABLE_LDFLAGS)" ] && [ -z "$(make_variable SANITIZE)" ]; then
    PROXTIER=$moved/bin/proxtier
    mv "$stage" "$stage.away"
    run warm "$abs_top_srcdir/examples/proxies.txt"
    like "$out" '^loaded 400,' "the command of a copied tree does the main job"
    run plugin info l1_memory
    like "$out" "$moved/lib.*/proxtier/l1_memory.so" "... with the plugins of that tree"
    run config show --origin
    like "$out" "'$moved/lib.*/proxtier'  # default" "... and config show tells the folder"
    mv "$stage.away" "$stage"
else
    skip "this build is not relocatable"
fi

# ---- advice ----
mkdir "$work/fake"
advice() { # what ldconfig -p says
    printf '#!/bin/sh\necho "%s"\n' "$1" >"$work/fake/ldconfig"
    chmod +x "$work/fake/ldconfig"
    PATH=$work/fake:$PATH make -s -C "$abs_top_builddir" install-exec-hook DESTDIR="$2"
}
libdir=$(sed -n 's/^libdir=//p' "$(find "$moved" -name proxtier.pc)" | sed "s|\${[a-z_]*prefix}|$prefix|")
like "$(advice 'libproxtier.so.0 => /elsewhere/libproxtier.so.0' '')" 'run ldconfig as root' \
    "where the linker does not know the library, make install says what to do"
is "$(advice "libproxtier.so.0 => $libdir/libproxtier.so.0" '')" "" "... and where it does, nothing"
is "$(advice '' /stage)" "" "... and with DESTDIR, nothing"

# ---- completions ----
PATH=$moved/bin:$PATH
export PATH
if ! "$moved/bin/proxtier" --version >/dev/null 2>&1; then
    skip "this build is not relocatable"
elif command -v bash >/dev/null; then
    words=$(bash -c '. "$1"; COMP_WORDS=(proxtier sta); COMP_CWORD=1; _proxtier; echo "${COMPREPLY[@]}"' bash \
        "$moved/share/bash-completion/completions/proxtier" 2>&1)
    like "$words" 'stats status' "the installed bash completion completes commands"
else
    skip "bash is not installed"
fi

# ---- installing again ----
echo '# edited' >>"$file"
make_in_stage install
is "$(tail -n 1 "$file")" '# edited' "an edited configuration stays"
[ ! -e "$file.new" ]
ok $? "... and where the stock one is the same as before, nothing is put beside it"
echo '# of the version before' >>"$stock"
make_in_stage install
is "$(tail -n 1 "$file")" '# edited' "an edited configuration stays where the stock one has changed"
cmp -s "$file.new" "$abs_top_srcdir/etc/proxtier.yaml"
ok $? "... and the new one is put beside it"
grep -q "edited, and stays: the new one is .*proxtier.yaml.new" "$work/make.log"
ok $? "... which is said"
echo 'default_ttl: 2h # of the version before' >"$file"
cp "$file" "$stock"
make_in_stage install
cmp -s "$file" "$abs_top_srcdir/etc/proxtier.yaml"
ok $? "a configuration as it was installed is replaced by the new one"

# ---- uninstalling ----
echo '# edited' >>"$file"
echo 'more: of mine' >"$(dirname "$file")/mine.yaml"
make_in_stage uninstall
left=$(cd "$stage" && find . -type f | LC_ALL=C sort -r | tr '\n' ' ')
is "$left" "./${file#"$stage"/} ./$(dirname "${file#"$stage"/}")/mine.yaml " "make uninstall leaves what was edited, and nothing else"
left=$(cd "$tree" 2>/dev/null && find . -type d -name 'proxtier*' ! -path '*/etc/proxtier')
is "$left" "" "... nor a folder of proxtier"
make_in_stage install
rm "$file" "$(dirname "$file")/mine.yaml"
make_in_stage install
make_in_stage uninstall
is "$(find "$stage" -type f)" "" "make uninstall leaves nothing where nothing was edited"
done_testing
