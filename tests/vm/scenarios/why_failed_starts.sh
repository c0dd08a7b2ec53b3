# shellcheck shell=bash disable=SC2154
# Starts that fail for a reason made on purpose. `gpupci why` names each.

names=/var/lib/gpupt/cards.json

# fails NAME: its start fails, wherever.
fails() {
    run virsh -q start --paused "$1"
    ok "$1 does not start" test "$ended" = 1
}
# explains NAME WORDS…: why says the words, and ends with 0.
explains() {
    local name=$1
    shift
    ends 0 why "$name"
    for words; do says "$words"; done
}

say "a process uses the card"
define busy "$main.0"
node=$(basename "$devices/$main.0/drm/"card*)
tail -f /dev/null 9<"/dev/dri/$node" &
user=$!
fails busy
explains busy "tail (pid $user) uses /dev/dri/$node" "hook: refused the start" "try: stop tail (pid $user)"
ok "the cause is told once" test "$(grep -c "uses /dev/dri/$node" <<<"$said")" = 1

say "the process has ended since"
kill $user
wait $user 2>/dev/null
explains busy "tail (pid $user) uses /dev/dri/$node" "this is no longer so" "start the guest again"

say "a member of the group stays on a host driver"
define crowded "$shared.0"
fails crowded
explains crowded "also contains 0000:08:02.0, which stays bound to xhci_hcd" "move the card to another slot"

say "the console's card"
define dark "$console.0"
fails dark
explains dark "the host's console is on $console.0"

say "another guest has the card"
define first "$main.0"
define second "$main.0"
starts first
fails second
explains second "guest first has this card" "try: shut down guest first"
explains first "it runs; it was started"
stops first

say "a device that is not there"
define absent 0000:7f:00.0
fails absent
explains absent "this host has no device 0000:7f:00.0" "correct the guest's cards"

say "a card that the IOMMU does not reach"
define far "$outside.0"
fails far
explains far "$outside.0 has no IOMMU group"

say "vfio-pci is blacklisted"
define guest "$main.0"
modprobe -r vfio-pci
mkdir -p /run/modprobe.d
echo 'blacklist vfio_pci' >/run/modprobe.d/no-vfio.conf
fails guest
explains guest "the driver vfio-pci cannot be loaded" "/run/modprobe.d/no-vfio.conf blacklists vfio-pci" \
    "from /run/modprobe.d/no-vfio.conf"
rm /run/modprobe.d/no-vfio.conf
modprobe vfio-pci

say "driverctl keeps a function"
mkdir -p /etc/driverctl.d
echo virtio-pci >"/etc/driverctl.d/$main.1"
fails guest
explains guest "driverctl has set the driver of $main.1 to virtio-pci" "try: driverctl unset-override $main.1"
rm -r /etc/driverctl.d

say "settings with an error"
cp /etc/gpupt.toml /tmp/
echo 'vendors = "1234"' >/etc/gpupt.toml
fails guest
explains guest "cannot parse /etc/gpupt.toml"
cp /tmp/gpupt.toml /etc/

say "another card is at the recorded place"
run gpupci list
cp $names /tmp/names
sed -i "/$main.0/,/device/s/\"device\": \"1050\"/\"device\": \"2222\"/" $names
fails guest
explains guest "was recorded as 1af4:2222 (1af4:1100), but 1af4:1050 (1af4:1100) is there" "gpupci renumber"
cp /tmp/names $names

say "the cluster gives the card to another guest"
card=$(gpupci -l | awk -v card="pci_${main//[:.]/_}_0" '$2 == card { print $1 }')
gpupci -q host add "$(hostname)" "$card" "$main.0"
gpupci -q host add owner gpupci "$card"
fails guest
explains guest "the cluster gives it to owner" "assign it to this guest in the cluster"
rm -f /var/lib/gpupt/cluster.db

say "QEMU fails for a reason that the hook cannot see"
xml romless "$main.0" | sed "s#</source>#</source><rom file='/nonexistent'/>#" >/tmp/romless.xml
run virsh -q define /tmp/romless.xml
ok "libvirt knows romless" test "$ended" = 0
fails romless
explains romless 'failed to find romfile' "means: the ROM file" "try: correct or remove <rom file="
ok "all is as before" is_as_before "$at_boot"

say "a transient guest, as Rocks starts it"
node=$(basename "$devices/$main.0/drm/"card*)
tail -f /dev/null 9<"/dev/dri/$node" &
user=$!
xml passing "$main.0" >/tmp/passing.xml
run virsh -q create --paused /tmp/passing.xml
ok "passing does not start" test "$ended" = 1
run virsh -q dominfo passing
ok "libvirt has forgotten it" test "$ended" = 1
explains passing "tail (pid $user) uses /dev/dri/$node" "hook: refused the start"
kill $user
wait $user 2>/dev/null
explains passing "this is no longer so"

say "a guest called as a part of another one"
define a "$single.0"
ends 0 why a
ok "it has no lines of others" test -z "$(grep journal: <<<"$said")"
ends 3 why nobody
