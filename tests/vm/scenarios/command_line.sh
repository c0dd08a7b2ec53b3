# shellcheck shell=bash disable=SC2154
# gpupci itself, without libvirt: list, status, detach, attach, refusals, kill -9, a guest.

say "every card goes and comes back"
before=$at_boot
ends 0 list
ends 0 list -v
ends 0 status
cards=$(gpupci -q list | sed -n 's/^\(gpupci[0-9]*\) pci_\(.*\)_\(.*\)_\(.*\)_.$/\1 \2:\3:\4/p')
while read -r name card; do
    case $card in "$shared" | "$console" | "$outside") continue ;; esac
    told=$(gpupci -q detach "$name" --dry-run)
    ends 0 detach "$name"
    for function in $(functions "$card"); do
        ok "$function is on vfio-pci" on_vfio "$function"
        ok "the dry run told of it" grep -q "$function" <<<"$told"
    done
    ends 0 detach "$name"
    says "is already detached"
    ends 0 attach "$name"
    ok "$name is as before" is_as_before "$before"
    ends 0 attach "$name"
    says "is already attached"
done <<<"$cards"
ok "there were seven" test "$(wc -l <<<"$cards")" = 7

say "all that can go, at once"
ends 5 -d all
for card in "$main" "$switched" "$twin" "$single"; do ok "$card went" all_on_vfio "$card"; done
for card in "$shared" "$console" "$outside"; do ok "$card stayed" none_on_vfio "$card"; done
ends 0 status -v
says vfio-pci
ends 0 groups
says "$main.0"
ends 0 -a all
ok "all is as before" is_as_before "$before"

say "a group with something that stays"
ends 5 detach "$shared.0"
says "also contains 0000:08:02.0, which stays bound to xhci_hcd"
ok "nothing was changed" is_as_before "$before"

say "where the IOMMU does not reach"
ends 5 detach "$outside"
says "$outside.0 has no IOMMU group"
ok "nothing was changed" is_as_before "$before"

say "the console"
ends 4 detach "$console.0"
says "the host's console is on"
ok "nothing was changed" is_as_before "$before"

say "a process that holds a card"
node=$(basename "$devices/$main.0/drm/"card*)
exec 9<"/dev/dri/$node"
ends 4 detach "$main"
says "(pid $$) uses /dev/dri/$node"
exec 9<&-
ends 0 detach "$main"
ends 0 attach "$main"
ok "it has its drivers again" is_as_before "$before"

say "kill -9 at any moment, then recover"
hits=0
for round in 1 2 3 4 5 6 7 8 9; do
    gpupci detach "$main" >/dev/null 2>&1 &
    pid=$!
    sleep "0.${round}"
    ! kill -9 $pid 2>/dev/null || hits=$((hits + 1))
    wait $pid 2>/dev/null
    sleep 0.3
    gpupci -q recover >/dev/null 2>&1 || ok "round $round: recover" false
    gpupci -q attach "$main" >/dev/null 2>&1 || ok "round $round: attach" false
    is_as_before "$before" >/dev/null || ok "round $round: all is as before" false
done
ok "after nine rounds all is as before" is_as_before "$before"
ok "it was killed at work ($hits times)" test $hits -ge 2

say "an administrator's override"
echo virtio-pci >"$devices/$main.0/driver_override"
overridden=$(bindings)
ends 0 detach "$main"
ends 0 attach "$main"
ok "it is what it was" is_as_before "$overridden"
echo >"$devices/$main.0/driver_override"

say "bound by others: without a record the kernel chooses"
for function in $(functions "$main"); do
    echo vfio-pci >"$devices/$function/driver_override"
    echo "$function" >"$devices/$function/driver/unbind"
    echo "$function" >/sys/bus/pci/drivers_probe
done
ok "it is on vfio-pci" all_on_vfio "$main"
ends 0 attach "$main"
ok "it has its drivers again" is_as_before "$before"

say "a guest that was started without libvirt"
ends 0 detach "$single"
qemu-system-x86_64 -name guest=holder,debug-threads=on -accel tcg -m 64 -display none -S \
    -device "vfio-pci,host=$single.0" >/tmp/holder.log 2>&1 &
guest=$!
group=$(basename "$(readlink "$devices/$single.0/iommu_group")")
has_it() { find /proc/$guest/fd -lname "/dev/vfio/$group" 2>/dev/null | grep -q .; }
waits_for "QEMU has it" has_it
ends 0 status -v "$single"
says "guest holder"
ends 4 attach "$single"
says "guest holder) uses /dev/vfio/$group"
ok "it is still the guest's" all_on_vfio "$single"
kill $guest
wait $guest 2>/dev/null
ends 0 attach "$single"
