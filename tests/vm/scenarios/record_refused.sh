# shellcheck shell=bash disable=SC2154
# Guests do not get a card that differs from its record.

names=/var/lib/gpupt/cards.json
define guest "$main.0"
run gpupci list
cp $names /tmp/names

say "another card sits there"
sed -i "/$main.0/,/device/s/\"device\": \"1050\"/\"device\": \"2222\"/" $names
refused guest
says "gpupci2 was recorded as 1af4:2222 (1af4:1100), but 1af4:1050 (1af4:1100) is there"
says "gpupci renumber"
ok "nothing was changed" is_as_before "$at_boot"

say "something sits there that is no card"
sed "s/$shared.0/0000:08:02.0/" /tmp/names >$names
define controller 0000:08:02.0
refused controller
says "gpupci6 was recorded at 0000:08:02, but another device is there now"
cp /tmp/names $names

say "a write to the card does not end"
ends 0 detach "$main"
group=$(basename "$(readlink "$devices/$main.0/iommu_group")")
python3 hold_unseen.py "$group" "$main.0" >/tmp/holding &
holder=$!
waits_for "somebody holds the card" grep -q holding /tmp/holding
gpupci --timeout 20 attach "$main" >/tmp/attach 2>&1 &
attach=$!
is_stuck() { pgrep -f gpupt-writer >/dev/null && [ ! -e "$devices/$main.0/driver" ]; }
waits_for "the kernel waits" is_stuck

say "meanwhile nobody else gets anything"
kill -STOP $attach
define other "$twin.0"
refused other
says "another gpupci or hook (pid $attach) is running and did not finish within 60 s"
kill -CONT $attach
wait $attach
ok "its deadline has passed" test $? = 6
ok "it says so" grep -q "the kernel has not finished this write after 20 s" /tmp/attach

say "from then on the card is left alone"
refused guest
says "a write to this card is still under way: /sys/bus/pci/drivers/vfio-pci/unbind <- $main.0 (pid "
says "reboot this host"
ends 6 attach "$main"

say "the card comes back when the write has ended"
kill $holder
wait $holder 2>/dev/null
has_ended() { ! pgrep -f gpupt-writer >/dev/null; }
waits_for "the kernel lets go" has_ended
ends 0 recover
ok "all is as before" is_as_before "$at_boot"
starts guest
stops guest
