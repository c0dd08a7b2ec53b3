# shellcheck shell=bash disable=SC2154
# A card that an administrator detached stays detached, whatever guests do with it meanwhile.

for xml in "$main.0" "$main.0 $main.1 $main.2"; do
    say "a guest with $xml"
    ends 0 -d "$main"
    # shellcheck disable=SC2086 # a word for each
    define guest $xml
    starts guest
    ends 4 attach "$main"
    says "guest guest has this card"
    stops guest
    ok "it is still detached" all_on_vfio "$main"
    ends 0 -d "$main"
    says "is already detached"
    ends 0 -a "$main"
    ok "all is as before" is_as_before "$at_boot"
done

say "detached by libvirt"
for function in $(functions "$main"); do
    run virsh -q nodedev-detach "pci_$(tr ':.' __ <<<"$function")"
done
starts guest
stops guest
ok "it is still detached" all_on_vfio "$main"
for function in $(functions "$main"); do
    run virsh -q nodedev-reattach "pci_$(tr ':.' __ <<<"$function")"
done
ok "all is as before" is_as_before "$at_boot"
