#!/bin/bash
# Runs gpupt on a real kernel with an IOMMU, cards, libvirtd and QEMU, in one boot of one VM.
#
#   run.sh [SCENARIO…]          all of scenarios/, or those named
#
# GPUPT_VM_BIN       where gpupci, the hook qemu and libgpupt.so are (release/ of Cargo's target folder)
# GPUPT_VM_OUT       where each scenario's log and the VM's console go (build/vm)
# GPUPT_VM_CACHE     where the VM's image is kept (/var/tmp/gpupt-vm)
# GPUPT_VM_ROUNDS    how often each scenario runs (1); it fails with the first failure
# GPUPT_VM_DEADLINE  seconds after which the VM is stopped (2400)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=${GPUPT_VM_BIN:-${CARGO_TARGET_DIR:-target}/release}
out=${GPUPT_VM_OUT:-build/vm}
cache=${GPUPT_VM_CACHE:-/var/tmp/gpupt-vm}

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
[ -e build/qemu ] || sh "$here/qemu.sh"
$sudo bash "$here/build.sh" "$cache"

rm -rf "$out"
mkdir -p "$out/bin" "$out/results"
cp "$bin/gpupci" "$bin/qemu" "$bin/libgpupt.so" "$out/bin/"
cp -r "$here"/{guest.sh,lib.sh,scenarios} "$here"/*.py "$out/"
python3 tests/rocks_standin/merge.py "$out/site-packages"
cp tests/rocks_standin/rocks_command.py "$out/"
all=$(($# == 0))
[ $# -gt 0 ] || set -- "$here"/scenarios/*.sh
names=()
for scenario; do
    name=$(basename "$scenario" .sh)
    [ -r "$here/scenarios/$name.sh" ] || { echo "run.sh: there is no scenario $name" >&2; exit 2; }
    names+=("$name")
done
printf '%s\n' "${names[@]}" >"$out/wanted"
echo "${GPUPT_VM_ROUNDS:-1}" >"$out/rounds"
GPUPT_VM_QEMU=$(cat build/qemu) bash "$here/boot.sh" "$cache" "$out" "${GPUPT_VM_DEADLINE:-2400}" || echo "run.sh: the VM ended with $?"

# A scenario that did not end has failed.
failed=0
echo
for name in "${names[@]}"; do
    code=$(cat "$out/results/$name.code" 2>/dev/null || echo "not run")
    if [ "$code" = 0 ]; then echo "ok   $name"; else
        echo "FAIL $name ($code)"
        failed=$((failed + 1))
    fi
done
# The manual must quote sentences that were printed; numbers that differ from run to run may differ.
sentences() { grep -oh 'gpupt: guest .*' "$1" | sed -E 's/(pid |IOMMU group |\/dev\/dri\/card|started )[0-9]+/\1N/g'; }
if [ $all = 1 ]; then
    said=$(sentences "$out/results/errors")
    # shellcheck disable=SC2016 # Markdown's own quotes
    quoted=$(sed -n '/^```text/,/^```$/p' docs/libvirt-hook.md | sentences /dev/stdin)
    while read -r sentence; do
        grep -qxF -- "$sentence" <<<"$said" && continue
        echo "FAIL docs/libvirt-hook.md quotes what nobody said: $sentence"
        failed=$((failed + 1))
    done <<<"$quoted"
fi
echo "${#names[@]} scenarios, $failed failed; see $out"
exit $((failed > 0))
