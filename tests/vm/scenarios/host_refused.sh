# shellcheck shell=bash disable=SC2154
# A host that cannot give a card away says so before anything is changed.

define guest "$main.0"

say "the IOMMU does not reach the card"
define far "$outside.0"
refused far
says "$outside.0 has no IOMMU group: the IOMMU is off, or does not cover this device"
says 'Try: run `gpupci check`: it says how to enable the IOMMU'
ok "nothing was changed" is_as_before "$at_boot"

say "vfio-pci is blacklisted"
modprobe -r vfio-pci
mkdir -p /run/modprobe.d
echo 'blacklist vfio_pci' >/run/modprobe.d/no-vfio.conf
refused guest
says "the driver vfio-pci cannot be loaded"
says "not blacklisted"
ok "nothing was changed" is_as_before "$at_boot"
rm /run/modprobe.d/no-vfio.conf

say "it is loaded by who needs it"
starts guest
stops guest
ok "all is as before" is_as_before "$at_boot"

say "an administrator keeps a function on its driver"
mkdir -p /etc/driverctl.d
echo virtio-pci >"/etc/driverctl.d/$main.1"
refused guest
says "driverctl has set the driver of $main.1 to virtio-pci"
rm -r /etc/driverctl.d

say "settings that cannot be followed"
cp /etc/gpupt.toml /tmp/
echo 'vendors = "1234"' >/etc/gpupt.toml
refused guest
says "cannot parse /etc/gpupt.toml"
define plain
starts plain
stops plain
cp /tmp/gpupt.toml /etc/

say "the cluster gives the card to another guest"
gpupci -q host add "$(hostname)" gpupci2 "$main.0"
gpupci -q host add owner gpupci gpupci2
refused guest
says "gpupci2 ($main): the cluster gives it to owner"
ok "nothing was changed" is_as_before "$at_boot"

say "a cluster that cannot be asked keeps nobody from starting"
echo 'database = "mysql://root@127.0.0.1:1/cluster"' >>/etc/gpupt.toml
starts guest
ok "the guest has its card" all_on_vfio "$main"
waits_for "the journal says why" told "guest: the cluster's attributes were not checked: gpupci: cannot connect"
stops guest
cp /tmp/gpupt.toml /etc/
rm -f /var/lib/gpupt/cluster.db
