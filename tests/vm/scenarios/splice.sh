# shellcheck shell=bash disable=SC2154
# From the attribute to the running guest: set whose card it is, splice the XML, start the guest.

define owner
run gpupci host add "$(hostname)" gpupci2 pci_0000_01_00_0
ok "the host has a card" test "$ended" = 0
run gpupci host add owner gpupci gpupci2
ok "the guest has it" test "$ended" = 0
ends 0 host list

virsh -q dumpxml --inactive owner >/tmp/before.xml
ok "its card is in its XML" eval 'gpupci splice owner </tmp/before.xml >/tmp/after.xml'
diff /tmp/before.xml /tmp/after.xml
run virsh -q define /tmp/after.xml
ok "libvirt takes it" test "$ended" = 0
virsh -q dumpxml --inactive owner >/tmp/once.xml
ok "once is enough" eval 'gpupci splice owner </tmp/once.xml >/tmp/twice.xml && cmp /tmp/once.xml /tmp/twice.xml'

starts owner
ok "it has its card" all_on_vfio "$main"
run virsh -q qemu-monitor-command owner --hmp info pci
says 'id "hostdev0"'
stops owner
ok "all is as before" is_as_before "$at_boot"

gpupci -q host remove owner
gpupci -q host remove "$(hostname)"
rm -f /var/lib/gpupt/cluster.db
