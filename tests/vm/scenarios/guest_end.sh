# shellcheck shell=bash disable=SC2154
# However a guest ends, and whatever happens to the daemon meanwhile, the card is restored.

define guest "$main.0" "$main.1"

say "QEMU is killed"
starts guest
kill -9 "$(qemu_of guest)"
waits_for "its card comes back" is_as_before "$at_boot"
ok "the guest is off" test "$(state guest)" = "shut off"

say "the daemon is restarted while the guest runs"
starts guest
pid=$(qemu_of guest)
run timeout 60 systemctl restart libvirtd
waits_for "the daemon answers" runs guest
ok "the guest lives" test "$(qemu_of guest)" = "$pid"
ok "it has its card" all_on_vfio "$main"
define other "$main.0"
refused other
says "guest guest has this card"
stops guest
ok "the card comes back" is_as_before "$at_boot"

say "the daemon is killed, and so is the guest before it is back"
starts guest
systemctl kill -s KILL libvirtd
kill -9 "$(qemu_of guest)"
run timeout 60 systemctl restart libvirtd
waits_for "the daemon answers" virsh -q version
waits_for "its card comes back" is_as_before "$at_boot"

say "what we know of the guest is lost while it runs"
starts guest
rm -rf /run/gpupt/cards
run timeout 60 systemctl restart libvirtd
waits_for "the daemon answers" runs guest
refused other
says "guest guest has this card"
ok "the guest lives" test -n "$(qemu_of guest)"
stops guest
ends 0 attach "$main"
ok "the host has it" is_as_before "$at_boot"
