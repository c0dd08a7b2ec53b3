# shellcheck shell=bash disable=SC2154
# QEMU cannot save a guest with a card. A guest without one can be saved and restored. The address of a card in
# an image is changed to its address here, and no card is added.

say "with a card"
define carded "$main.0"
starts carded
run virsh -q save carded /var/lib/libvirt/carded.save
ok "it is not saved" test "$ended" = 1
printf '%s\n\n' "$said" >>/mnt/results/errors
ok "it still runs" runs carded
ok "it still has its card" all_on_vfio "$main"
run virsh -q managedsave carded
ok "it is not saved" test "$ended" = 1
stops carded
ok "all is as before" is_as_before "$at_boot"

say "without a card"
define plain
starts plain
run virsh -q save plain /var/lib/libvirt/plain.save
ok "it is saved" test "$ended" = 0
run virsh -q restore --paused /var/lib/libvirt/plain.save
ok "it is restored" test "$ended" = 0
ok "it runs" runs plain
run virsh -q managedsave plain
ok "it is saved" test "$ended" = 0
starts plain
stops plain
rm -f /var/lib/libvirt/plain.save

say "an image whose card was elsewhere"
here=$(hostname)
for words in "$here gpupci1 $main.0" "there gpupci1 $twin.0" "moved gpupci gpupci1"; do
    # shellcheck disable=SC2086 # a word each
    gpupci -q host add $words
done
define moved
starts moved
run virsh -q save moved /var/lib/libvirt/moved.save
python3 into_image.py /var/lib/libvirt/moved.save "$twin.0"
run virsh -q save-image-dumpxml /var/lib/libvirt/moved.save
says "bus='0x05'"
run virsh -q restore --paused /var/lib/libvirt/moved.save
ok "it is restored" test "$ended" = 0
ok "it has the card that is its here" all_on_vfio "$main"
ok "the other is left alone" none_on_vfio "$twin"
run virsh -q dumpxml moved
says "bus='0x01'"
stops moved
ok "all is as before" is_as_before "$at_boot"

say "an image without the card of its guest"
starts moved
run virsh -q managedsave moved
starts moved
ok "it comes without" none_on_vfio "$main"
waits_for "the journal says how to plug it in" told "moved starts without its card: its save image does not have it"

say "plugged in as the journal says"
ends 0 detach "$main"
virsh -q dumpxml --inactive moved | gpupci splice -- moved | sed -n '/<hostdev/,/<.hostdev>/p' >/tmp/hostdev.xml
run virsh -q attach-device moved /tmp/hostdev.xml
ok "libvirt takes it" test "$ended" = 0
run virsh -q qemu-monitor-command moved --hmp info pci
says 'id "hostdev0"'
ends 4 attach "$main"
stops moved
ok "what was detached is so still" all_on_vfio "$main"
ends 0 attach "$main"
ok "all is as before" is_as_before "$at_boot"

say "as from another host: libvirt migrates no guest with such a card, so its hook is called as it would"
sed "s|bus='0x01'|bus='0x05'|" /tmp/hostdev.xml >/tmp/there.xml
virsh -q dumpxml --inactive moved | sed '/<devices>/r /tmp/there.xml' >/tmp/arriving.xml
arrives() { "$hooks/qemu" moved "$1" begin - </tmp/arriving.xml >/tmp/arrived.xml; }
for operation in migrate restore; do
    ok "the hook answers to $operation" arrives $operation
    ok "its card is here" diff <(sed "s|bus='0x05'|bus='0x01'|" /tmp/arriving.xml) /tmp/arrived.xml
    run virsh -q define /tmp/arrived.xml
    ok "libvirt takes it" test "$ended" = 0
done
rm -f /var/lib/libvirt/moved.save /var/lib/gpupt/cluster.db
