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
