#!/bin/bash
# In the VM, when its image is made: fills what a host that was used before has cached.
timeout 300 virsh -q -c qemu:///system domcapabilities --virttype qemu >/dev/null && touch /mnt/warm
journalctl --rotate
journalctl --vacuum-time=1s
exec systemctl poweroff
