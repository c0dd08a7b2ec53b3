# shellcheck shell=bash disable=SC2154
# A guest with a card cannot be saved, which is QEMU's word; one without can, and comes back.

say "with a card"
define carded "$main.0"
starts carded
run virsh -q save carded /var/lib/libvirt/carded.save
ok "it is not saved" test "$ended" = 1
printf '%s\n\n' "$said" >>/mnt/results/errors
ok "it still runs" runs carded
ok "it still has its card" all_on_vfio "$main"
run virsh -q managedsave carded
ok "it is not saved" test "$ended" = 1
stops carded
ok "all is as before" is_as_before "$at_boot"

say "without a card"
define plain
starts plain
run virsh -q save plain /var/lib/libvirt/plain.save
ok "it is saved" test "$ended" = 0
run virsh -q restore --paused /var/lib/libvirt/plain.save
ok "it is restored" test "$ended" = 0
ok "it runs" runs plain
run virsh -q managedsave plain
ok "it is saved" test "$ended" = 0
starts plain
stops plain
rm -f /var/lib/libvirt/plain.save
