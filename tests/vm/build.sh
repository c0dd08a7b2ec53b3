#!/bin/bash
# Builds the VM's kernel, initramfs and disk from this machine's own Debian packages, once:
#   build.sh FOLDER     as root; leaves vmlinuz, initrd.img and root.img there
# It is built again when this script or image/ changes; remove the folder for newer packages.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
qemu=$(cat "$here/../../build/qemu")
mkdir -p "$1"
cd "$1"
key=$(cat "$here/build.sh" "$here/sources.sh" "$here/image/"* | sha256sum)
if [ "$(cat key 2>/dev/null)" = "$key" ]; then exit 0; fi
rm -rf key root

# The Debian release of this machine, from the mirrors that its apt uses.
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
[ -n "$(apt-cache policy libvirt-daemon-system)" ] || apt-get update -q
sources=$(sh "$here/sources.sh")

packages=linux-image-amd64,initramfs-tools,systemd-sysv,udev,dbus,kmod,apparmor,procps,pciutils
packages+=,libvirt-daemon-system,libvirt-clients,qemu-system-x86,python3

# Without documentation, and without drivers for hardware that the VM does not have.
leave_out=()
for path in /usr/share/{doc,man,locale,info} \
    /lib/modules/'*'/kernel/{drivers/{net,media,infiniband,staging,iio,mtd,hwmon,isdn,nfc,bluetooth,scsi,thunderbolt,w1,leds,edac,comedi,gpu/drm/{amd,i915,radeon,nouveau,gma500,vmwgfx}},sound/{soc,usb,firewire,isa,pcmcia},net/{wireless,mac80211,bluetooth,ceph,sunrpc,sctp,openvswitch},fs/{xfs,btrfs,ceph,ocfs2,gfs2,f2fs,nfs,nfsd,smb,reiserfs,jfs}}; do
    leave_out+=(--dpkgopt="path-exclude=$path/*")
done
# If machined is not on the bus, libvirt starts a guest in a fifth of the time.
leave_out+=(--dpkgopt=path-exclude=/usr/share/dbus-1/system-services/org.freedesktop.machine1.service)

# bochs is loaded first, so that the console is on the intended card.
# shellcheck disable=SC2016 # mmdebstrap's own shell reads the hooks
mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="$packages" \
    "${leave_out[@]}" \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
    --essential-hook='echo MODULES=list >"$1/etc/initramfs-tools/conf.d/vm"' \
    --essential-hook='printf "%s\n" virtio_pci virtio_blk ext4 bochs >"$1/etc/initramfs-tools/modules"' \
    --customize-hook="copy-in '$here/image/guest.service' /etc/systemd/system" \
    "$codename" root - <<<"$sources"

cp root/boot/vmlinuz-* vmlinuz
cp root/boot/initrd.img-* initrd.img
echo gpupt-vm >root/etc/hostname
echo '/dev/vda / ext4 rw,noatime 0 1' >root/etc/fstab
# Only the services of a host with guests.
systemctl --root="$PWD/root" --quiet enable guest.service
systemctl --root="$PWD/root" --quiet mask getty.target serial-getty@ttyS0.service libvirt-guests.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer systemd-firstboot.service
rm -f root.img
truncate -s 3G root.img
mke2fs -q -t ext4 -d root root.img
rm -rf root

# One boot that keeps the disk's changes: AppArmor's profiles get compiled, and libvirt asks QEMU for its capabilities.
rm -rf first-boot
mkdir first-boot
cp "$here/image/guest.sh" first-boot/
GPUPT_VM_QEMU=$qemu bash "$here/boot.sh" "$PWD" "$PWD/first-boot" 600 keep
[ -e first-boot/warm ]
echo "$key" >key
