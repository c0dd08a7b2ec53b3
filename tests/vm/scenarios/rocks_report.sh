# shellcheck shell=bash disable=SC2154
# As on a Rocks cluster: a guest defined from the output of `rocks report host vm config`, with the plugin,
# starts with its card. Rocks is a stand-in that prints what Rocks 7 prints.

run gpupci host add "$(hostname)" gpupci1 "$main.0"
run gpupci host add rocks-33 gpupci gpupci1
export PYTHONPATH=/mnt/site-packages GPUPT_LIBRARY=/mnt/bin/libgpupt.so PYTHONDONTWRITEBYTECODE=1
python3 rocks_command.py report host vm config rocks-33 >/tmp/report.xml
ok "it has its card" grep -q "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>" /tmp/report.xml

# Remove what this VM does not have: KVM, Rocks' emulator, bridges, the guest's disk, 8 GB.
sed "s/type='kvm'/type='qemu'/; s|/usr/libexec/qemu-kvm|/usr/bin/qemu-system-x86_64|; s/8388608/65536/
     /<interface/,/<.interface>/d; /<disk/,/<.disk>/d; /<cpu>/,/<.cpu>/d
     s|</domain>|<seclabel type='none' model='apparmor'/>&|" /tmp/report.xml >/tmp/rocks-33.xml
run virsh -q define /tmp/rocks-33.xml
ok "libvirt takes it" test "$ended" = 0
starts rocks-33
ok "it has all of its card" all_on_vfio "$main"
run virsh -q qemu-monitor-command rocks-33 --hmp info pci
says 'id "hostdev0"'
stops rocks-33
ok "all is as before" is_as_before "$at_boot"
rm -f /var/lib/gpupt/cluster.db
