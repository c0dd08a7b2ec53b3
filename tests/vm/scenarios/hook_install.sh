# shellcheck shell=bash disable=SC2154
# The hook beside another hook, removed, and installed by gpupci.

program=/usr/lib/gpupt/qemu
install -D -m755 "$hooks/qemu" $program
# other_hook FILE: records each operation; refuses the one that /run/refuse names.
other_hook() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<'HOOK'
#!/bin/sh
cat >/run/other-hook.xml
echo "$1 $2" >>/run/other-hook
[ "$(cat /run/refuse 2>/dev/null)" != "$2" ] || { echo "the other hook says no" >&2; exit 5; }
HOOK
    chmod 755 "$1"
}
define guest "$main.0" "$main.1"

say "taken away: libvirt binds, and misses what the XML does not name"
run gpupci hook uninstall
ok "it is taken away (it was $ended)" test "$ended" = 0
ok "it is gone" test ! -e "$hooks/qemu"
reload
define part "$twin.0"
refused part
says "is not viable"
ok "nothing was changed" is_as_before "$at_boot"

say "installed by gpupci"
run gpupci hook install --from $program
ok "it is installed (it was $ended)" test "$ended" = 0
ok "the hook is there" test -x "$hooks/qemu.d/gpupt"
# The daemon was told to reload; it does so a little later.
sleep 2
starts part
ends 0 hook status
says "by libvirtd (pid"
ok "AppArmor confines who runs the hook" grep -q enforce "/proc/$(pidof libvirtd)/attr/current"
stops part
ok "all is as before" is_as_before "$at_boot"

say "taken away while a guest has its card: nobody gives it back, but for gpupci"
starts part
ends 0 hook uninstall
reload
stops part
ok "it is still with guests" all_on_vfio "$twin"
ends 0 recover
ok "all is as before" is_as_before "$at_boot"
ends 0 hook install --from $program
reload

say "after another hook, as libvirt calls them"
other_hook "$hooks/qemu"
reload
rm -f /run/other-hook*
starts guest
ok "the guest has its card" all_on_vfio "$main"
stops guest
ok "all is as before" is_as_before "$at_boot"
ok "the other hook saw its start" grep -qx 'guest prepare' /run/other-hook
ok "the other hook saw its end" grep -qx 'guest release' /run/other-hook
ok "the other hook got the XML" grep -q '<name>guest</name>' /run/other-hook.xml
echo started >/run/refuse
refused guest
says "the other hook says no"
ok "the card came back" is_as_before "$at_boot"
rm -f /run/refuse "$hooks/qemu"

say "under the one name that old libvirts know, before another hook"
rm -r "$hooks/qemu.d"
install -m755 $program "$hooks/qemu"
other_hook "$hooks/qemu.before-gpupt"
reload
rm -f /run/other-hook*
starts guest
ok "the guest has its card" all_on_vfio "$main"
stops guest
ok "all is as before" is_as_before "$at_boot"
ok "the other hook saw its start" grep -qx 'guest prepare' /run/other-hook
ok "the other hook got the XML" grep -q '<name>guest</name>' /run/other-hook.xml
echo prepare >/run/refuse
refused guest
says "the other hook says no"
ok "the card came back" is_as_before "$at_boot"

rm -f /run/refuse "$hooks/qemu.before-gpupt"
install -m755 $program "$hooks/qemu"
reload
