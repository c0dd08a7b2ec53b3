#!/bin/bash
# Runs gpupt on a real kernel with an IOMMU, cards, libvirtd and QEMU: in one VM, in one boot.
#
#   run.sh [SCENARIO…]          all of scenarios/, or those named
#
# GPUPT_VM_BIN       where gpupci and the hook qemu are (target/release)
# GPUPT_VM_OUT       where each scenario's log and the VM's console go (build/vm)
# GPUPT_VM_CACHE     where the VM's image is kept (/var/tmp/gpupt-vm)
# GPUPT_VM_DEADLINE  seconds after which the VM is ended (1200)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=${GPUPT_VM_BIN:-target/release}
out=${GPUPT_VM_OUT:-build/vm}
cache=${GPUPT_VM_CACHE:-/var/tmp/gpupt-vm}

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo bash "$here/build.sh" "$cache"

# The VM sees this folder as /mnt.
rm -rf "$out"
mkdir -p "$out/bin" "$out/results"
cp "$bin/gpupci" "$bin/qemu" "$out/bin/"
cp -r "$here/guest.sh" "$here/lib.sh" "$here/scenarios" "$out/"
[ $# -gt 0 ] || set -- "$here"/scenarios/*.sh
names=()
for scenario; do names+=("$(basename "$scenario" .sh)"); done
printf '%s\n' "${names[@]}" >"$out/wanted"

mapfile -t cards < <(sed 's/#.*//' "$here/topology.args" | tr ' ' '\n' | sed '/^$/d')
vm=(-nodefaults -no-user-config -no-reboot -display none -nic none
    -accel tcg,thread=multi -machine q35 -cpu max,la57=off -smp 2 -m 2560
    -kernel "$cache/vmlinuz" -initrd "$cache/initrd.img"
    -append "root=/dev/vda rw console=ttyS0 intel_iommu=on no_timer_check panic=5 quiet net.ifnames=0"
    -device intel-iommu,intremap=on,caching-mode=on
    -drive "file=$cache/root.img,format=raw,if=none,id=disk,snapshot=on,cache=unsafe"
    -device virtio-blk-pci,drive=disk,bus=pcie.0,addr=0x10
    -device virtio-rng-pci,bus=pcie.0,addr=0x11
    -fsdev "local,id=tests,path=$out,security_model=none"
    -device virtio-9p-pci,fsdev=tests,mount_tag=tests,bus=pcie.0,addr=0x12
    -serial "file:$out/console"
    -chardev "stdio,id=out,signal=off"
    -device virtio-serial-pci,bus=pcie.0,addr=0x13 -device virtserialport,chardev=out,name=out
    -audiodev none,id=none)
TMPDIR=$cache timeout -k 5 "${GPUPT_VM_DEADLINE:-1200}" \
    qemu-system-x86_64 "${vm[@]}" "${cards[@]}" </dev/null || echo "run.sh: the VM ended with $?"

# A scenario that did not come to its end has failed.
failed=0
echo
for name in "${names[@]}"; do
    code=$(cat "$out/results/$name.code" 2>/dev/null || echo "not run")
    if [ "$code" = 0 ]; then echo "ok   $name"; else
        echo "FAIL $name ($code)"
        failed=$((failed + 1))
    fi
done
echo "${#names[@]} scenarios, $failed failed; see $out"
exit $((failed > 0))
