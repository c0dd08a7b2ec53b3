//! Made-up hosts, and what they say of their boot loaders.

mod efi;
mod grub;
mod next_boot;
mod others;

use pretty_assertions::assert_eq;

use super::*;
use crate::readiness::ConfigFile;

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
        kernel_image: Some(format!("/boot/vmlinuz-{RELEASE}")),
        is_efi: true,
        files: files.iter().map(file).collect::<Vec<_>>().into(),
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

/// A board without EFI.
fn board(files: &[(&str, &str)], programs: &[&str]) -> Boot {
    boot_of(
        "console=ttyS0 root=/dev/mmcblk0p2",
        files,
        programs,
        |facts| facts.is_efi = false,
    )
}

fn image(system: ImageSystem, files: &[(&str, &str)]) -> Boot {
    boot_of(GRUB_LINE, files, &[], |facts| facts.image = Some(system))
}

const DEFAULT_GRUB: (&str, &str) = ("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n");

#[test]
fn no_file_is_named_if_the_boot_loader_is_unknown() {
    let entries = ("/boot/loader/loader.conf", "");
    for files in [
        vec![],
        vec![DEFAULT_GRUB],
        vec![DEFAULT_GRUB, ("/boot/grub/grub.cfg", ""), entries],
    ] {
        let boot = boot("root=/dev/sda1 ro", &files, &["update-grub"]);
        assert_eq!(boot.loader(), None);
        let place =
            "the kernel command line (the boot loader of this host is unknown), then reboot";
        assert_eq!(boot.with(ON), format!("add intel_iommu=on to {place}"));
        assert_eq!(
            boot.without(ON),
            format!("remove intel_iommu=on from {place}")
        );
    }
}

#[test]
fn running_line_decides_and_not_the_files_that_lie_around() {
    let entries = ("/boot/loader/entries/a.conf", "linux /a\noptions ro\n");
    let cmdline = ("/etc/kernel/cmdline", "ro\n");
    let files = [DEFAULT_GRUB, ("/boot/grub/grub.cfg", ""), entries, cmdline];
    assert_eq!(
        boot(GRUB_LINE, &files, &[]).loader(),
        Some(BootLoader::Grub)
    );
    assert_eq!(
        boot(EFI_LINE, &files, &[]).loader(),
        Some(BootLoader::SystemdBoot)
    );
    // Somebody copied the line of GRUB into an entry of systemd-boot.
    let copied = format!("{EFI_LINE} {GRUB_LINE}");
    assert_eq!(
        boot(&copied, &files, &[]).loader(),
        Some(BootLoader::SystemdBoot)
    );
    let grub = boot_of("ro", &files, &[], |facts| {
        facts.loader_info = Some("GRUB 2.12".to_owned());
    });
    assert_eq!(grub.loader(), Some(BootLoader::Grub));
    let files = [DEFAULT_GRUB, ("/boot/grub/grub.cfg", "")];
    assert_eq!(boot("ro", &files, &[]).loader(), Some(BootLoader::Grub));
}

#[test]
fn hostile_release_is_in_no_command() {
    let files = [("/etc/kernel/cmdline", "ro\n")];
    let boot = boot_of(
        "initrd=\\$(x)\\initrd ro",
        &files,
        &["kernel-install"],
        |facts| {
            facts.release = "$(x)".to_owned();
            facts.loader_info = Some(String::new());
        },
    );
    let remedy = boot.with("a");
    assert_eq!(
        remedy,
        "add a to /etc/kernel/cmdline, make the boot entries anew, then reboot"
    );
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
