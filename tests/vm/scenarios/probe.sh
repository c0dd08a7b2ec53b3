lspci -nnk; for g in /sys/kernel/iommu_groups/*/devices/*; do echo $g; done | sort -V; bindings
gpupci list -v; gpupci check; ls -l /dev/dri /dev/fb*; aa-status | head -20; ls /etc/libvirt/hooks
time virsh -q capabilities | wc -l
systemd-analyze blame | head -20
