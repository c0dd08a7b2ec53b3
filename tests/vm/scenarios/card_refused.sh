# shellcheck shell=bash disable=SC2154
# A guest that cannot get its card does not start, and virsh says why; nothing is changed.

say "a process uses the card"
define busy "$main.0"
node=$(basename "$devices/$main.0/drm/"card*)
tail -f /dev/null 9<"/dev/dri/$node" &
user=$!
refused busy
says "tail (pid $user) uses /dev/dri/$node"
says "Try: stop tail (pid $user)"
kill $user
wait $user 2>/dev/null
ok "nothing was changed" is_as_before "$at_boot"
ends 0 why busy
says "uses /dev/dri/$node"

say "something of its group stays on the host"
define crowded "$shared.0" "$shared.1"
refused crowded
says "also contains 0000:08:02.0, which stays bound to xhci_hcd"
ok "nothing was changed" is_as_before "$at_boot"

say "the console's card"
define dark "$console.0"
refused dark
says "the host's console is on"
ok "nothing was changed" is_as_before "$at_boot"

say "two guests want one card"
define first "$main.0"
define second "$main.0"
define audio "$main.1"
starts first
refused second
says "guest first has this card"
refused audio
says "guest first has this card"
ok "the first still runs" runs first
ok "the first still has it" all_on_vfio "$main"
stops first
starts second
stops second
ok "all is as before" is_as_before "$at_boot"

say "one of two cards is not to be had: neither is taken"
define first "$twin.0"
define greedy "$main.0" "$twin.0"
starts first
refused greedy
says "guest first has this card"
ok "the free one stays with the host" none_on_vfio "$main"
stops first

say "a card that is not there"
define absent 0000:7f:00.0
refused absent
says "Device 0000:7f:00.0 not found"
ok "nothing was changed" is_as_before "$at_boot"
