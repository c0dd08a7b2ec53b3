#!/bin/bash
# What gpupci does to cards on a real kernel with an IOMMU: list, status, detach, attach, refusals,
# kill -9, a guest. Run as root inside a VM that has cards; it ends with the number of failures.
#
#   cards.sh GPUPCI     the VM has the cards of fixtures/hosts/lab.tree
set -u
gpupci=$1
devices=/sys/bus/pci/devices
failures=0

say() { printf '\n=== %s\n' "$*"; }
# ok WHAT COMMAND…: the command must succeed.
ok() {
    local what=$1
    shift
    if "$@"; then echo "ok   $what"; else
        echo "FAIL $what"
        failures=$((failures + 1))
    fi
}
# ends CODE WORDS…: gpupci must end with this code; what it said is in $said.
ends() {
    local code=$1 ended=0
    shift
    said=$("$gpupci" --vendor 1002 "$@" 2>&1) || ended=$?
    printf '+ gpupci %s\n%s\n' "$*" "$said"
    ok "gpupci $* ends with $code (it was $ended)" test "$ended" = "$code"
}
says() { ok "it says: $1" grep -qF -- "$1" <<<"$said"; }
driver() { local l; l=$(readlink "$devices/$1/driver") && echo "${l##*/}"; }
# Driver and override of every function.
bindings() {
    local d
    for d in "$devices"/*; do
        printf '%s %s %s\n' "${d##*/}" "$(driver "${d##*/}")" "$(cat "$d/driver_override")"
    done
}
records() { ls /run/gpupt/cards 2>/dev/null; }
is_as_before() { diff <(printf '%s\n' "$1") <(bindings) && test -z "$(records)"; }
on_vfio() { test "$(driver "$1")" = vfio-pci; }

say "every card goes and comes back"
before=$(bindings)
ends 0 list
ends 0 list -v
ends 0 status
cards=$("$gpupci" -q --vendor 1002 list | sed -n 's/^\(gpupci[0-9]*\) pci_\(.*\)_\(.*\)_\(.*\)_\(.\)$/\1 \2:\3:\4.\5/p')
while read -r name address; do
    case $address in 0000:0a:*) continue ;; esac
    told=$("$gpupci" -q --vendor 1002 detach "$name" --dry-run)
    ends 0 detach "$name"
    for function in "$devices/${address%.*}".*; do
        ok "${function##*/} is on vfio-pci" on_vfio "${function##*/}"
        ok "the dry run told of it" grep -q "${function##*/}" <<<"$told"
    done
    ends 0 detach "$name"
    says "is already detached"
    ends 0 attach "$name"
    ok "$name is as before" is_as_before "$before"
    ends 0 attach "$name"
    says "is already attached"
done <<<"$cards"

say "all that can go, at once"
ends 5 -d all
ends 0 status -v
ends 0 groups
ends 0 -a all
ok "all is as before" is_as_before "$before"

say "a group with something that stays"
ends 5 detach 0000:0a:01.0
says "also holds 0000:0a:02.0, which stays on driver bochs-drm"
ok "nothing was changed" is_as_before "$before"

say "the console"
ends 4 --vendor 1234 detach 0000:00:01.0
says "shows the host's console"
ok "nothing was changed" is_as_before "$before"

say "a card with a real driver, and a process that holds it"
echo 10de 1e87 >/sys/bus/pci/drivers/bochs-drm/new_id
with_driver=$(bindings)
ok "0000:01:00.0 has a driver" test "$(driver 0000:01:00.0)" = bochs-drm
node=$(basename "$(ls -d $devices/0000:01:00.0/drm/card*)")
exec 9<"/dev/dri/$node"
ends 4 detach 0000:01:00.0
says "(pid $$) uses /dev/dri/$node"
exec 9<&-
ends 0 detach 0000:01:00
ok "0000:01:00.0 is on vfio-pci" on_vfio 0000:01:00.0
ends 0 attach 0000:01:00
ok "it has the driver again" is_as_before "$with_driver"

say "kill -9 at any moment, then recover"
for round in $(seq 15); do
    "$gpupci" detach 0000:01:00 >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$((round * 6 % 90 + 10))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    sleep 0.3
    "$gpupci" -q recover >/dev/null 2>&1 || ok "round $round: recover" false
    "$gpupci" -q attach 0000:01:00 >/dev/null 2>&1 || ok "round $round: attach" false
    is_as_before "$with_driver" >/dev/null || ok "round $round: all is as before" false
done
ok "after 15 rounds all is as before" is_as_before "$with_driver"

say "an administrator's override"
echo bochs-drm >$devices/0000:01:00.0/driver_override
overridden=$(bindings)
ends 0 detach 0000:01:00
ends 0 attach 0000:01:00
ok "it is what it was" is_as_before "$overridden"
echo >$devices/0000:01:00.0/driver_override

say "bound by others: without a record the kernel chooses"
for function in 0000:01:00.0 0000:01:00.1; do
    echo vfio-pci >$devices/$function/driver_override
    [ ! -e $devices/$function/driver ] || echo $function >$devices/$function/driver/unbind
    echo $function >/sys/bus/pci/drivers_probe
done
ends 0 attach 0000:01:00
ok "they are as before" is_as_before "$with_driver"

say "a guest has it"
if command -v qemu-system-x86_64 >/dev/null; then
    ends 0 detach 0000:07:00.0
    qemu-system-x86_64 -name guest=holder,debug-threads=on -accel tcg -m 64 -display none -S \
        -device vfio-pci,host=0000:07:00.0 >/tmp/qemu.log 2>&1 &
    guest=$!
    group=$(basename "$(readlink $devices/0000:07:00.0/iommu_group)")
    for _ in $(seq 150); do
        ls -l /proc/$guest/fd 2>/dev/null | grep -q "/dev/vfio/$group" || sleep 0.2
    done
    ends 0 status -v 0000:07:00.0
    says "guest holder"
    ends 4 attach 0000:07:00.0
    says "guest holder) uses /dev/vfio/$group"
    ok "it is still the guest's" on_vfio 0000:07:00.0
    kill $guest
    wait $guest 2>/dev/null
    ends 0 attach 0000:07:00.0
fi
echo 10de 1e87 >/sys/bus/pci/drivers/bochs-drm/remove_id
for function in 0000:01:00.0 0000:06:00.0; do
    [ "$(driver $function)" != bochs-drm ] || echo $function >/sys/bus/pci/drivers/bochs-drm/unbind
done
ok "nothing is left behind" is_as_before "$before"

say "$failures failures"
exit $((failures > 0))
