//! Remedies use the commands of the host's distribution.

use pretty_assertions::assert_eq;

use crate::ready;

#[test]
fn remedy_uses_the_commands_of_the_distribution() {
    let edit = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, run";
    for (os_release, files, remedy) in [
        (
            "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
            vec![],
            format!("{edit} `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot"),
        ),
        (
            "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
            vec!["sys/firmware/efi/systab"],
            format!("{edit} `grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg`, then reboot"),
        ),
        (
            "ID=fedora\nVERSION_ID=42\n",
            vec!["usr/sbin/grubby", "sys/firmware/efi/systab"],
            "run `grubby --update-kernel=ALL --args=intel_iommu=on`, then reboot".to_owned(),
        ),
        (
            "ID=bazzite\nID_LIKE=\"fedora\"\n",
            vec!["run/ostree-booted"],
            "run `rpm-ostree kargs --append=intel_iommu=on`, then reboot".to_owned(),
        ),
        (
            "ID=debian\nVERSION_ID=\"12\"\n",
            vec![],
            format!("{edit} `update-grub`, then reboot"),
        ),
        (
            "ID=debian\n",
            vec!["etc/kernel/proxmox-boot-uuids"],
            "add intel_iommu=on to /etc/kernel/cmdline, run `proxmox-boot-tool refresh`, then reboot"
                .to_owned(),
        ),
        (
            "ID=nixos\n",
            vec![],
            "add intel_iommu=on to the kernel command line in your boot loader, then reboot".to_owned(),
        ),
    ] {
        let host = ready();
        host.without_groups();
        host.write("proc/cmdline", "ro\n");
        host.write("etc/os-release", os_release);
        for file in files {
            host.write(file, "");
        }
        let (trouble, exit) = host.trouble();
        assert_eq!(
            trouble.lines().nth(1),
            Some(&*format!("      try: {remedy}"))
        );
        assert_eq!(exit, 5);
    }
}

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
