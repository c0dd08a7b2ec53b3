//! GRUB: its variable, its generator, its files in the EFI partition.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn grub_is_configured_by_the_variable_and_file_that_count() {
    let cfg = ("/boot/grub/grub.cfg", "");
    let cfg2 = ("/boot/grub2/grub.cfg", "");
    let only_default = (
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
    );
    let cloud = (
        "/etc/default/grub.d/50-cloud.cfg",
        "GRUB_CMDLINE_LINUX=\"console=ttyS0\"\n",
    );
    let more = (
        "/etc/default/grub.d/60-more.cfg",
        "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX a\"\n",
    );
    let centos = ("/boot/efi/EFI/centos/grub.cfg", "menuentry 'x' {\n");
    let edit = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, ";
    let edit_default = "add intel_iommu=on to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, ";
    let in_cloud = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub.d/50-cloud.cfg, ";
    for (files, programs, edit, apply) in [
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["update-grub"],
            edit,
            "run `update-grub`",
        ),
        (
            vec![only_default, cfg],
            vec!["update-grub"],
            edit_default,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, cloud, cfg],
            vec!["update-grub"],
            in_cloud,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, more, cfg],
            vec!["update-grub"],
            edit,
            "run `update-grub`",
        ),
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["grub-mkconfig"],
            edit,
            "run `grub-mkconfig -o /boot/grub/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, cfg2],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/grub2/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, centos],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, cfg],
            vec!["other"],
            edit,
            "generate grub.cfg anew",
        ),
    ] {
        let remedy = boot(GRUB_LINE, &files, &programs).with(ON);
        assert_eq!(remedy, format!("{edit}{apply}, then reboot"));
    }
    let remedy = boot(GRUB_LINE, &[], &["update-grub"]).with(ON);
    let unfound =
        "add intel_iommu=on to the kernel command line of GRUB (no file of it was found), ";
    assert_eq!(remedy, format!("{unfound}run `update-grub`, then reboot"));
}

#[test]
fn file_in_the_efi_partition_that_only_loads_grub_cfg_is_never_written() {
    let debian =
        "search.fs_uuid 0 root\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n";
    let suse_15 = "set prefix=(${root})/boot/grub2\nsource \"${prefix}/grub.cfg\"\n";
    let suse_12 = "search --fs-uuid --set=root 0\nset prefix=(${root})/boot/grub2\nnormal\n";
    let fedora = "search --fs-uuid --set=dev 0\nexport $prefix\nconfigfile $prefix/grub.cfg\n";
    let whole = "insmod blscfg\nblscfg\n";
    let cfg = ("/boot/grub2/grub.cfg", "");
    let debian_cfg = ("/boot/grub/grub.cfg", "");
    let remedy = |files: &[(&str, &str)]| {
        let files = [&[DEFAULT_GRUB], files].concat();
        boot(GRUB_LINE, &files, &["grub-mkconfig", "grub2-mkconfig"]).with(ON)
    };
    for (vendor, cfg, text) in [
        ("debian", debian_cfg, debian),
        ("sles", cfg, suse_12),
        ("opensuse", cfg, suse_15),
        ("fedora", cfg, fedora),
        ("other", cfg, whole),
    ] {
        let stub = (&*format!("/boot/efi/EFI/{vendor}/grub.cfg"), text);
        let written = format!("-mkconfig -o {}`", cfg.0);
        assert!(remedy(&[cfg, stub]).contains(&written), "{vendor}");
        if vendor != "other" {
            assert!(
                remedy(&[stub]).contains(", generate grub.cfg anew"),
                "{vendor}"
            );
        }
    }
    assert!(remedy(&[("/boot/efi/EFI/redhat/grub.cfg", whole)]).contains("EFI/redhat/grub.cfg`"));
    assert!(remedy(&[("/boot/efi/EFI/$(x)/grub.cfg", whole)]).contains(", generate grub.cfg anew"));
}

#[test]
fn grub_is_applied_by_the_tool_that_owns_it() {
    let uuids = ("/etc/kernel/proxmox-boot-uuids", "A-B\n");
    let cmdline = ("/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1\n");
    let edit = "add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, run";
    let proxmox = boot(
        GRUB_LINE,
        &[DEFAULT_GRUB, uuids, cmdline],
        &["update-grub", "proxmox-boot-tool"],
    );
    assert_eq!(
        proxmox.with(ON),
        format!("{edit} `proxmox-boot-tool refresh`, then reboot")
    );
    let micro = image(ImageSystem::TransactionalUpdate, &[DEFAULT_GRUB]);
    assert_eq!(
        micro.with(ON),
        format!("{edit} `transactional-update grub.cfg`, then reboot")
    );
    let rhel = boot(GRUB_LINE, &[DEFAULT_GRUB], &["grubby", "grub2-mkconfig"]);
    assert_eq!(
        rhel.with(ON),
        "run `grubby --update-kernel=ALL --args=intel_iommu=on`, then reboot"
    );
    assert_eq!(
        rhel.without("iommu=off"),
        "run `grubby --update-kernel=ALL --remove-args=iommu=off`, then reboot"
    );
}

#[test]
fn common_options_of_entries_are_read_from_grubenv() {
    let entry = (
        "/boot/loader/entries/a.conf",
        "linux /a\noptions $kernelopts\n",
    );
    let env = (
        "/boot/grub2/grubenv",
        "# GRUB\nkernelopts=root=UUID=0 ro intel_iommu=on\n####",
    );
    let rhel = boot(GRUB_LINE, &[entry, env], &["grubby"]);
    assert_eq!(rhel.set_in(ON), Some("/boot/loader/entries/a.conf"));
}
