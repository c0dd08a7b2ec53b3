//! Packages are installed by the command of the host's distribution.

use pretty_assertions::assert_eq;

use crate::{assert_trouble, ready};

#[test]
fn usr_lib_os_release_is_read_if_etc_os_release_is_missing() {
    let host = ready();
    host.remove("etc/os-release");
    host.write("usr/lib/os-release", "ID=arch\n");
    host.remove("etc/libvirt");
    let (trouble, _) = host.trouble();
    assert_eq!(
        trouble.lines().nth(1),
        Some("      try: pacman -S libvirt qemu-base")
    );
}

#[test]
fn proxmox_is_not_told_to_install_packages_that_replace_its_qemu() {
    for file in [
        "usr/bin/pveversion",
        "etc/pve/datacenter.cfg",
        "etc/kernel/proxmox-boot-uuids",
    ] {
        let host = ready();
        host.write("etc/os-release", "ID=debian\nVERSION_ID=12\n");
        host.remove("etc/libvirt");
        host.write(file, "");
        let lines = [
            "FAIL  Proxmox starts guests without libvirt, so gpupt's hook does not run here: guests \
             start without their cards being checked",
            "      try: bind the cards of a guest before Proxmox starts it; do not install libvirt, \
             whose packages replace Proxmox's own QEMU",
        ];
        assert_trouble(&host, 5, &lines);
        assert_eq!(host.summary(), "2 of 2 cards ready for guests; 1 FAIL");
    }
}

#[test]
fn image_based_system_gets_libvirt_its_own_way() {
    for (marks, remedy) in [
        (
            ["run/ostree-booted", "usr/bin/rpm-ostree"],
            "run `rpm-ostree install libvirt-daemon-kvm qemu-kvm`, then reboot",
        ),
        (
            ["run/ostree-booted", "usr/bin/bootc"],
            "add libvirt and QEMU to the image (a `RUN` line of its Containerfile), update this host to \
             it, then reboot",
        ),
        (
            ["usr/sbin/transactional-update", "usr/bin/zypper"],
            "run `transactional-update pkg install libvirt-daemon-qemu qemu-kvm`, then reboot",
        ),
        (
            ["etc/NIXOS", "etc/nixos/configuration.nix"],
            "set `virtualisation.libvirtd.enable = true;` in the configuration of NixOS, then run \
             `nixos-rebuild switch`",
        ),
        (
            ["etc/unraid-version", "boot/config/go"],
            "enable VMs in Unraid's web interface (Settings, VM Manager)",
        ),
    ] {
        let host = ready();
        host.remove("etc/libvirt");
        for mark in marks {
            host.write(mark, "");
        }
        let (trouble, _) = host.trouble();
        let told = trouble.lines().nth(1);
        assert_eq!(told, Some(&*format!("      try: {remedy}")));
    }
}
