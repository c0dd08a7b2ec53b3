//! Hosts that an EFI boot manager started: systemd-boot, unified images.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn systemd_boot_is_configured_where_its_entries_come_from() {
    let arch = (
        "/boot/loader/entries/arch.conf",
        "linux /vmlinuz\noptions root=UUID=0 ro\n",
    );
    let cmdline = ("/etc/kernel/cmdline", "root=UUID=0 ro\n");
    let installed = (
        "/efi/loader/entries/0123-6.8.0-x.conf",
        "linux /0123/linux\noptions ro\n",
    );
    let uuids = ("/etc/kernel/proxmox-boot-uuids", "A-B\n");
    let to_cmdline = "add intel_iommu=on to /etc/kernel/cmdline, run";
    for (files, programs, remedy) in [
        (
            vec![arch],
            vec!["kernel-install"],
            "add intel_iommu=on to the `options` line of /boot/loader/entries/arch.conf, then reboot"
                .to_owned(),
        ),
        (
            vec![arch, cmdline],
            vec!["kernel-install"],
            "add intel_iommu=on to the `options` line of /boot/loader/entries/arch.conf, then reboot"
                .to_owned(),
        ),
        (
            vec![installed, cmdline],
            vec!["kernel-install"],
            format!("{to_cmdline} `kernel-install add 6.8.0-x /boot/vmlinuz-6.8.0-x`, then reboot"),
        ),
        (
            vec![installed, cmdline],
            vec!["kernel-install", "reinstall-kernels"],
            format!("{to_cmdline} `reinstall-kernels`, then reboot"),
        ),
        (
            vec![installed, cmdline],
            vec!["sdbootutil"],
            format!("{to_cmdline} `sdbootutil update-all-entries`, then reboot"),
        ),
        (
            vec![cmdline, uuids, DEFAULT_GRUB],
            vec!["proxmox-boot-tool"],
            format!("{to_cmdline} `proxmox-boot-tool refresh`, then reboot"),
        ),
        (
            vec![cmdline],
            vec!["kernelstub"],
            "run `kernelstub --add-options intel_iommu=on`, then reboot".to_owned(),
        ),
        (
            vec![],
            vec![],
            "add intel_iommu=on to the kernel command line of systemd-boot (no file of it was found), \
             then reboot"
                .to_owned(),
        ),
    ] {
        assert_eq!(systemd_boot(&files, &programs).with(ON), remedy);
    }
}

#[test]
fn unified_kernel_image_is_built_anew() {
    let cmdline = ("/etc/kernel/cmdline", "root=UUID=0 ro\n");
    let part = ("/etc/cmdline.d/root.conf", "root=UUID=0\n");
    let uki = ("/etc/kernel/install.conf", "layout=uki\n");
    for (files, programs, place, apply) in [
        (
            vec![cmdline],
            vec!["mkinitcpio"],
            "/etc/kernel/cmdline",
            "run `mkinitcpio -P`",
        ),
        (
            vec![part],
            vec!["mkinitcpio"],
            "/etc/cmdline.d/root.conf",
            "run `mkinitcpio -P`",
        ),
        (
            vec![cmdline, uki],
            vec!["kernel-install", "mkinitcpio"],
            "/etc/kernel/cmdline",
            "run `kernel-install add 6.8.0-x /boot/vmlinuz-6.8.0-x`",
        ),
        (
            vec![cmdline],
            vec!["dracut"],
            "/etc/kernel/cmdline",
            "run `dracut -f`",
        ),
        (
            vec![],
            vec![],
            "the kernel command line of the unified kernel image (no file of it was found)",
            "build that image anew",
        ),
    ] {
        let boot = boot_of("root=UUID=0 ro", &files, &programs, |facts| {
            facts.is_unified = true;
        });
        assert_eq!(
            boot.with(ON),
            format!("add intel_iommu=on to {place}, {apply}, then reboot")
        );
    }
}

#[test]
fn proxmox_is_known_without_the_files_of_its_efi_partition() {
    let files = [
        ("/etc/kernel/cmdline", "root=ZFS=x\n"),
        ("/etc/kernel/proxmox-boot-uuids", "A-B\n"),
    ];
    assert_eq!(
        boot(EFI_LINE, &files, &["proxmox-boot-tool"]).with(ON),
        "add intel_iommu=on to /etc/kernel/cmdline, run `proxmox-boot-tool refresh`, then reboot"
    );
}

#[test]
fn unified_image_of_an_image_based_system_names_no_program() {
    let unified = boot_of("ro", &[], &["dracut"], |facts| {
        facts.is_unified = true;
        facts.image = Some(ImageSystem::TransactionalUpdate);
    });
    let remedy = unified.with(ON);
    assert!(!remedy.contains("dracut"), "{remedy}");
    assert!(remedy.contains("build that image anew"), "{remedy}");
}
