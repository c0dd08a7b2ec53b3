#!/bin/bash
# Boots the VM once: boot.sh IMAGES SHARE SECONDS [KEEP]
# IMAGES is what build.sh made; SHARE is /mnt in the VM, which runs guest.sh there and prints to our
# standard output. It is stopped after SECONDS. Changes of the disk are discarded, unless KEEP is given.
# GPUPT_VM_QEMU is the QEMU that runs it.
set -euo pipefail
images=$1 share=$2 seconds=$3 snapshot=${4:+off}
topology=$(dirname "$0")/topology.args
mapfile -t cards < <(sed 's/#.*//' "$topology" | tr ' ' '\n' | sed '/^$/d')
# shellcheck disable=SC2054 # commas are QEMU's
vm=(-nodefaults -no-user-config -no-reboot -display none -nic none
    # One thread for both processors: QEMU 7.2 may crash when one of them moves a card's memory in a thread
    # of its own while the other writes there.
    -accel tcg,thread=single -machine q35 -cpu max,la57=off -smp 2 -m 2560
    -kernel "$images/vmlinuz" -initrd "$images/initrd.img"
    # A busy host delays the VM's timers, and the kernel would otherwise report them as broken.
    -append "root=/dev/vda rw console=ttyS0 intel_iommu=on no_timer_check panic=5 quiet net.ifnames=0"
    -drive "file=$images/root.img,format=raw,if=none,id=disk,snapshot=${snapshot:-on},cache=unsafe"
    -device virtio-blk-pci,drive=disk,bus=pcie.0,addr=0x10
    -device virtio-rng-pci,bus=pcie.0,addr=0x11
    -fsdev "local,id=tests,path=$share,security_model=none"
    -device virtio-9p-pci,fsdev=tests,mount_tag=tests,bus=pcie.0,addr=0x12
    -device virtio-serial-pci,bus=pcie.0,addr=0x13
    -chardev file,id=out,path=/dev/stdout -device virtserialport,chardev=out,name=out
    -serial "file:$share/console"
    -device intel-iommu,intremap=on,caching-mode=on)
# Through a pipe: QEMU would write to a file from its start.
TMPDIR=$share timeout -k 5 "$seconds" "${GPUPT_VM_QEMU:-qemu-system-x86_64}" "${vm[@]}" "${cards[@]}" </dev/null | cat
