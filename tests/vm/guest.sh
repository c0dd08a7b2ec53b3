#!/bin/bash
# Runs in the VM: installs gpupt as on a host, runs the wanted scenarios one after another, and powers the VM off.
# Each has ten minutes. Its exit code and log go to results/; the log also goes to the VM's output.
cd /mnt || exit
for _ in $(seq 100); do
    [ ! -e /dev/virtio-ports/out ] || break
    sleep 0.2
done
exec >/dev/virtio-ports/out 2>&1 </dev/null
export LIBVIRT_DEFAULT_URI=qemu:///system
install -m755 bin/gpupci /usr/bin/gpupci
install -D -m755 bin/qemu /etc/libvirt/hooks/qemu
echo 'vendors = ["1002", "1234", "1af4"]' >/etc/gpupt.toml
modprobe vfio-pci
# The first list gives the cards their names.
gpupci list
systemctl reload-or-restart libvirtd
timeout 120 virsh -q version >/dev/null && udevadm settle
echo "# up after $(cut -d. -f1 /proc/uptime) s: Linux $(uname -r), libvirt $(virsh --version)"
while read -r name; do
    code=0
    for _ in $(seq "$(cat rounds)"); do
        echo
        echo "## $name, $(cut -d. -f1 /proc/uptime) s"
        # shellcheck disable=SC2016 # for the inner shell
        timeout -k 60 600 bash -c '. lib.sh; scenario "scenarios/$1.sh"' scenario "$name" 2>&1 | tee -a "results/$name.log"
        code=${PIPESTATUS[0]}
        [ "$code" = 0 ] || break
    done
    echo "$code" >"results/$name.code"
done <wanted
journalctl -b --no-pager >results/journal 2>&1
echo "# done after $(cut -d. -f1 /proc/uptime) s"
sync
systemctl poweroff -ff
