#!/bin/bash
# Runs in the VM when its image is built: fills the caches that a used host has.
timeout 300 virsh -q -c qemu:///system domcapabilities --virttype qemu >/dev/null && touch /mnt/warm
journalctl --rotate
journalctl --vacuum-time=1s
exec systemctl poweroff
