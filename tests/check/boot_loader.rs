//! Remedies change the kernel command line where the boot loader of this host has it.

use pretty_assertions::assert_eq;

use crate::ready;
use crate::support::TestHost;

const EFIVARS: &str = "sys/firmware/efi/efivars";
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A host whose IOMMU is off, with this running line and no file of a boot loader.
fn without_loader(line: &str) -> TestHost {
    let host = ready();
    host.without_groups();
    host.remove("boot");
    host.remove("etc/default/grub");
    host.write("proc/cmdline", &format!("{line}\n"));
    host
}

impl TestHost {
    /// A variable that the boot loader left.
    fn write_loader_variable(&self, name: &str, text: &str) {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        let value: Vec<u8> = [6, 0, 0, 0]
            .into_iter()
            .chain(units)
            .chain([0, 0])
            .collect();
        self.write(&format!("{EFIVARS}/{name}-{LOADER}"), "");
        let path = self.path(&format!("{EFIVARS}/{name}-{LOADER}"));
        std::fs::write(path, value).expect("it is written");
    }

    /// The message about the missing intel_iommu=on, and its remedy.
    #[track_caller]
    fn intel_iommu(&self) -> (String, String) {
        let (trouble, exit) = self.trouble();
        assert_eq!(exit, 5);
        let mut lines = trouble.lines().map(|line| line.trim_start().to_owned());
        let text = lines
            .find(|line| line.contains("intel_iommu=on"))
            .expect(&trouble);
        (text, lines.next().expect("a remedy"))
    }
}

#[test]
fn check_names_the_boot_loader_that_booted() {
    let host = without_loader("BOOT_IMAGE=/vmlinuz ro");
    host.write("boot/grub/grub.cfg", "");
    host.write("etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
    host.write("usr/sbin/update-grub", "");
    host.write("etc/kernel/cmdline", "ro\n");
    let add = "try: add intel_iommu=on to";
    let grub = "GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, run `update-grub`, then reboot";
    assert_eq!(host.intel_iommu().1, format!("{add} {grub}"));

    // The same files, but systemd-boot started this kernel.
    host.write(
        "boot/loader/entries/arch.conf",
        "linux /vmlinuz\noptions root=UUID=0 ro\n",
    );
    host.write_loader_variable("LoaderInfo", "systemd-boot 255");
    host.write("proc/cmdline", "initrd=\\initramfs.img root=UUID=0 ro\n");
    let entry = "the `options` line of /boot/loader/entries/arch.conf, then reboot";
    assert_eq!(host.intel_iommu().1, format!("{add} {entry}"));

    host.write("usr/bin/kernelstub", "");
    let kernelstub = "try: run `kernelstub --add-options intel_iommu=on`, then reboot";
    assert_eq!(host.intel_iommu().1, kernelstub);
}

#[test]
fn boot_loader_is_known_by_its_efi_variable_alone() {
    for (info, remedy) in [
        (
            "systemd-boot 257.1",
            "the kernel command line of systemd-boot (no file of it was found)",
        ),
        (
            "GRUB 2.12",
            "the kernel command line of GRUB (no file of it was found), generate grub.cfg anew",
        ),
        (
            "rEFInd 0.14",
            "the kernel command line of rEFInd (no file of it was found)",
        ),
        (
            "Limine 9.2",
            "the kernel command line of Limine (no file of it was found)",
        ),
    ] {
        let host = without_loader("root=UUID=0 ro");
        host.write_loader_variable("LoaderInfo", info);
        let remedy = format!("try: add intel_iommu=on to {remedy}, then reboot");
        assert_eq!(host.intel_iommu().1, remedy);
    }
    let host = without_loader("root=UUID=0 ro");
    host.write("etc/kernel/cmdline", "root=UUID=0 ro\n");
    host.write_loader_variable("StubInfo", "systemd-stub 255");
    let remedy = "try: add intel_iommu=on to /etc/kernel/cmdline, run `dracut -f`, then reboot";
    assert_eq!(host.intel_iommu().1, remedy);
}

#[test]
fn image_based_system_changes_its_line_its_own_way() {
    for (file, remedy) in [
        (
            "run/ostree-booted",
            "add intel_iommu=on to `kargs` in a file of the image in /usr/lib/bootc/kargs.d, update this host to that image",
        ),
        (
            "usr/bin/rpm-ostree",
            "run `rpm-ostree kargs --append-if-missing=intel_iommu=on`",
        ),
    ] {
        let host = without_loader("BOOT_IMAGE=/ostree/vmlinuz ro");
        host.write("run/ostree-booted", "");
        host.write(file, "");
        assert_eq!(host.intel_iommu().1, format!("try: {remedy}, then reboot"));
    }
    let host = without_loader("BOOT_IMAGE=/vmlinuz ro");
    host.write("etc/NIXOS", "");
    host.write("etc/nixos/configuration.nix", "{ }\n");
    let nix = "try: add intel_iommu=on to `boot.kernelParams` in /etc/nixos/configuration.nix, run \
               `nixos-rebuild boot`, then reboot";
    assert_eq!(host.intel_iommu().1, nix);
}

#[test]
fn grub_cfg_of_an_efi_host_is_the_real_one() {
    let host = without_loader("BOOT_IMAGE=/vmlinuz ro");
    host.write("etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n");
    host.write("sys/firmware/efi/systab", "");
    let efi = "boot/efi/EFI/centos/grub.cfg";
    host.write(efi, "menuentry\n");
    let written = |path: &str| format!("`grub2-mkconfig -o {path}`");
    let remedy = host.intel_iommu().1;
    assert!(remedy.contains(&written(&format!("/{efi}"))), "{remedy}");
    host.write(efi, "source \"${prefix}/grub.cfg\"\n");
    host.write("boot/grub2/grub.cfg", "menuentry\n");
    let remedy = host.intel_iommu().1;
    assert!(
        remedy.contains(&written("/boot/grub2/grub.cfg")),
        "{remedy}"
    );
}

#[test]
fn unknown_boot_loader_is_said_to_be_unknown() {
    let host = without_loader("root=/dev/sda1 ro");
    let remedy = "try: add intel_iommu=on to the kernel command line (the boot loader of this host is \
                  unknown), then reboot";
    assert_eq!(host.intel_iommu().1, remedy);
}

#[test]
fn parameter_that_waits_for_a_reboot_is_not_applied_yet() {
    let host = ready();
    host.without_groups();
    host.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz ro\n");
    host.write(
        "etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on\"\n",
    );
    let (text, remedy) = host.intel_iommu();
    assert_eq!(
        text,
        "FAIL  intel_iommu=on is set in /etc/default/grub, but is not on the running kernel command line: \
         it is not applied yet"
    );
    assert_eq!(
        remedy,
        "try: run `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot: /etc/default/grub has \
         intel_iommu=on already"
    );
    host.write(
        "boot/grub2/grub.cfg",
        "linux /vmlinuz ro quiet intel_iommu=on\n",
    );
    let (text, remedy) = host.intel_iommu();
    assert!(
        text.contains("is set in /boot/grub2/grub.cfg, but is not on the running"),
        "{text}"
    );
    assert_eq!(
        remedy,
        "try: reboot: /boot/grub2/grub.cfg has intel_iommu=on already"
    );
}

#[test]
fn removed_parameter_that_still_runs_is_not_applied_yet() {
    let host = ready();
    host.without_groups();
    host.write(
        "proc/cmdline",
        "BOOT_IMAGE=/vmlinuz ro intel_iommu=on iommu=off\n",
    );
    let (trouble, _) = host.trouble();
    let expected = "FAIL  iommu=off on the kernel command line turns the IOMMU off; /etc/default/grub is \
                    without it, but is not applied yet\n      \
                    try: run `grub2-mkconfig -o /boot/grub2/grub.cfg`, then reboot: /etc/default/grub is \
                    without iommu=off already\n";
    assert!(trouble.starts_with(expected), "{trouble}");
}

#[test]
fn unreadable_files_of_boot_loaders_do_not_block_check() {
    let host = without_loader("BOOT_IMAGE=/vmlinuz ro");
    host.write("boot/grub2/grub.cfg/x", "");
    for path in [
        "etc/default/grub",
        "boot/loader/entries/a.conf",
        "etc/kernel/cmdline",
    ] {
        host.write(&format!("{path}.d/x"), "");
        let made = std::process::Command::new("mkfifo")
            .arg(host.path(path))
            .status();
        assert!(made.expect("mkfifo starts").success());
    }
    host.write(&format!("{EFIVARS}/LoaderInfo-{LOADER}"), "x");
    host.write(
        "etc/default/grub.d/a.cfg",
        &"GRUB_CMDLINE_LINUX=\"\u{1b}\"\n".repeat(100_000),
    );
    let remedy = host.intel_iommu().1;
    let place = "GRUB_CMDLINE_LINUX in /etc/default/grub.d/a.cfg, run `grub2-mkconfig -o /boot/grub2/grub.cfg`";
    assert_eq!(
        remedy,
        format!("try: add intel_iommu=on to {place}, then reboot")
    );
}
