//! What is configured for the next boot, beside what runs.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn configured_parameter_is_only_to_be_applied() {
    let set = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on\"\n",
    );
    let cfg = |text| ("/boot/grub/grub.cfg", text);
    let old = cfg("linux /vmlinuz root=UUID=0 ro quiet\n");
    let new = cfg("linux /vmlinuz ro quiet intel_iommu=on\nlinux /vmlinuz ro single\n");
    let update = ["update-grub"];
    let configured = boot(GRUB_LINE, &[set, old], &update);
    assert_eq!(configured.set_in(ON), Some("/etc/default/grub"));
    let remedy = "run `update-grub`, then reboot: /etc/default/grub has intel_iommu=on already";
    assert_eq!(configured.with(ON), remedy);
    let generated = boot(GRUB_LINE, &[set, new], &update);
    assert_eq!(generated.set_in(ON), Some("/boot/grub/grub.cfg"));
    assert_eq!(
        generated.with(ON),
        "reboot: /boot/grub/grub.cfg has intel_iommu=on already"
    );
    let overruled = (
        "/etc/default/grub.d/z.cfg",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=off\"\n",
    );
    assert_eq!(
        boot(GRUB_LINE, &[set, old, overruled], &update).set_in(ON),
        None
    );

    let entry = |text| ("/boot/loader/entries/a.conf", text);
    let entries = [entry("linux /a\noptions ro intel_iommu=on\n")];
    assert_eq!(
        systemd_boot(&entries, &[]).set_in(ON),
        Some("/boot/loader/entries/a.conf")
    );
    let other = ("/boot/loader/entries/b.conf", "linux /b\noptions ro\n");
    let both = systemd_boot(&[entries[0], other], &[]);
    assert_eq!(both.set_in(ON), None);
    assert!(
        both.with(ON).contains("of /boot/loader/entries/b.conf"),
        "{}",
        both.with(ON)
    );
    // RHEL's entries have their own line: /etc/default/grub does not reach them.
    let rhel = boot(GRUB_LINE, &[set, other], &["grubby"]);
    assert_eq!(rhel.set_in(ON), Some("/etc/default/grub"));
    assert!(
        rhel.with(ON).starts_with("run `grubby "),
        "{}",
        rhel.with(ON)
    );
}

#[test]
fn entries_that_do_not_boot_this_system_by_default_do_not_count() {
    let on = "root=UUID=0 ro intel_iommu=on";
    let entry = |options: &str| format!("linux /vmlinuz\noptions {options}\n");
    let (new, old) = (
        format!("version 10\n{}", entry(on)),
        format!("version 9\n{}", entry("root=UUID=0 ro")),
    );
    let first = "/boot/loader/entries/ostree-1.conf";
    let second = "/boot/loader/entries/ostree-2.conf";
    let ostree = image(ImageSystem::RpmOstree, &[(first, &new), (second, &old)]);
    assert_eq!(ostree.set_in(ON), Some(first));
    let ostree = image(ImageSystem::RpmOstree, &[(first, &old), (second, &new)]);
    assert_eq!(ostree.set_in(ON), Some(second));
    assert_eq!(
        ostree.without(ON),
        "run `rpm-ostree kargs --delete-if-present=intel_iommu=on`, then reboot"
    );

    let current = ("/boot/efi/loader/entries/Pop_OS-current.conf", &*entry(on));
    let recovery = (
        "/boot/efi/loader/entries/Recovery-1A2B.conf",
        &*entry("boot=casper"),
    );
    let other = (
        "/boot/efi/loader/entries/arch.conf",
        &*entry("root=UUID=1 ro"),
    );
    let pop = systemd_boot(&[current, recovery, other], &["kernelstub"]);
    assert_eq!(pop.set_in(ON), Some(current.0));

    let cfg = format!(
        "### BEGIN /etc/grub.d/10_linux ###\nlinux /vmlinuz {on}\n### END /etc/grub.d/10_linux ###\n\
         ### BEGIN /etc/grub.d/30_os-prober ###\nlinux /vmlinuz root=UUID=0 ro\n\
         ### BEGIN /etc/grub.d/20_memtest86+ ###\nlinux /memtest86+x64.bin console=ttyS0\n"
    );
    let grub = boot(
        GRUB_LINE,
        &[("/boot/grub/grub.cfg", &cfg)],
        &["update-grub"],
    );
    assert_eq!(grub.set_in(ON), Some("/boot/grub/grub.cfg"));
}

#[test]
fn removed_parameter_is_only_to_be_applied() {
    let off = "iommu=off";
    let has = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"iommu=soft,off\"\n",
    );
    let old = ("/boot/grub/grub.cfg", "linux /vmlinuz ro iommu=off\n");
    let new = ("/boot/grub/grub.cfg", "linux /vmlinuz ro\n");
    let update = ["update-grub"];
    let configured = boot(GRUB_LINE, &[has, old], &update);
    assert_eq!(configured.removed_from(off), None);
    assert_eq!(
        configured.without(off),
        "replace iommu=soft,off by iommu=soft in GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, run `update-grub`, then \
         reboot"
    );
    let removed = boot(GRUB_LINE, &[DEFAULT_GRUB, old], &update);
    assert_eq!(removed.removed_from(off), Some("/etc/default/grub"));
    let remedy = "run `update-grub`, then reboot: /etc/default/grub is without iommu=off already";
    assert_eq!(removed.without(off), remedy);
    let generated = boot(GRUB_LINE, &[DEFAULT_GRUB, new], &update);
    assert_eq!(
        generated.without(off),
        "reboot: the boot entries are without iommu=off already"
    );
    let entry = |text| ("/boot/loader/entries/a.conf", text);
    let rhel = |text| boot(GRUB_LINE, &[DEFAULT_GRUB, entry(text)], &["grubby"]);
    assert_eq!(
        rhel("linux /a\noptions ro iommu=off\n").removed_from(off),
        None
    );
    assert_eq!(
        rhel("linux /a\noptions ro $tuned_params\n").removed_from(off),
        None
    );
    assert!(rhel("linux /a\noptions ro\n").removed_from(off).is_some());
}

#[test]
fn part_of_a_list_is_removed_with_its_whole_word() {
    let line =
        "BOOT_IMAGE=/a ro intel_iommu=sm_on,off vfio_pci.ids=1:2 iommu=off iommu=soft,off x=$(y),z";
    let rhel = boot(line, &[], &["grubby"]);
    let grubby = "run `grubby --update-kernel=ALL";
    for (parameter, commands) in [
        (
            "intel_iommu=off",
            format!(
                "{grubby} --remove-args=intel_iommu=sm_on,off`, {grubby} --args=intel_iommu=sm_on`"
            ),
        ),
        (
            "vfio-pci.ids",
            format!("{grubby} --remove-args=vfio_pci.ids=1:2`"),
        ),
        ("x=z", "remove x=z from the kernel command line".to_owned()),
    ] {
        assert_eq!(rhel.without(parameter), format!("{commands}, then reboot"));
    }
    let grub = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"iommu=off iommu=soft,off\"\n",
    );
    let place = "GRUB_CMDLINE_LINUX in /etc/default/grub";
    assert_eq!(
        boot(line, &[grub], &["update-grub"]).without("iommu=off"),
        format!(
            "remove iommu=off from {place}, replace iommu=soft,off by iommu=soft in {place}, \
             run `update-grub`, then reboot"
        )
    );
}

#[test]
fn setting_that_no_shell_reads_goes_to_the_end_of_its_line() {
    let armbian = (
        "/boot/armbianEnv.txt",
        "extraargs=cma=256M pcie_acs_override=downstream\n",
    );
    let boot = board(&[armbian], &[]);
    assert_eq!(
        boot.set_in("pcie_acs_override=downstream"),
        Some("/boot/armbianEnv.txt")
    );
    let zipl = (
        "/etc/zipl.conf",
        "[linux]\n  parameters = \"ro iommu=pt\"\n",
    );
    let boot = super::boot("BOOT_IMAGE=0 ro", &[zipl], &["zipl"]);
    assert_eq!(boot.set_in("iommu=pt"), Some("/etc/zipl.conf"));
}
