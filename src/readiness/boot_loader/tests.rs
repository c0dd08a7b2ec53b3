use pretty_assertions::assert_eq;

use super::*;

const RELEASE: &str = "6.8.0-x";
const ON: &str = "intel_iommu=on";
const GRUB_LINE: &str = "BOOT_IMAGE=/vmlinuz-6.8.0-x root=UUID=0 ro";
const EFI_LINE: &str = "initrd=\\initrd.img root=UUID=0 ro";

/// A host with this running line, these files and these programs; EFI, with what else `change` says.
fn boot_of(
    line: &str,
    files: &[(&str, &str)],
    programs: &[&str],
    change: impl FnOnce(&mut BootFacts),
) -> Boot {
    let file = |(path, text): &(&str, &str)| ConfigFile {
        path: (*path).to_owned(),
        text: Ok((*text).to_owned()),
    };
    let mut facts = BootFacts {
        programs: Programs::of(programs.iter().copied()),
        running: KernelCmdline::new(line),
        release: RELEASE.to_owned(),
        is_efi: true,
        files: files.iter().map(file).collect(),
        ..BootFacts::default()
    };
    change(&mut facts);
    Boot::of(facts)
}

fn boot(line: &str, files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(line, files, programs, |_| ())
}

/// A host that systemd-boot started.
fn systemd_boot(files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(EFI_LINE, files, programs, |facts| {
        facts.loader_info = Some("systemd-boot 255".to_owned());
    })
}

fn image(system: ImageSystem, files: &[(&str, &str)]) -> Boot {
    boot_of(GRUB_LINE, files, &[], |facts| facts.image = Some(system))
}

const DEFAULT_GRUB: (&str, &str) = ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n");

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
    let stub = (
        "/boot/efi/EFI/fedora/grub.cfg",
        "configfile $prefix/grub.cfg\n",
    );
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
            vec![DEFAULT_GRUB, cfg2, centos],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg`",
        ),
        (
            vec![DEFAULT_GRUB, cfg2, stub],
            vec!["grub2-mkconfig"],
            edit,
            "run `grub2-mkconfig -o /boot/grub2/grub.cfg`",
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
            format!("{to_cmdline} `kernel-install add 6.8.0-x /lib/modules/6.8.0-x/vmlinuz`, then reboot"),
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
fn every_boot_loader_has_a_row_with_a_source() {
    for row in &LOADERS {
        assert_eq!(row.loader.row(), Some(row));
        assert!(
            !row.source.is_empty() && !row.known_by.is_empty(),
            "{row:?}"
        );
    }
}
