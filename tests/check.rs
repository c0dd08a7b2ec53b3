//! `gpupci check`: a prepared host, and each problem that a host may have.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "check/boot_display.rs"]
mod boot_display;
#[path = "check/boot_loader.rs"]
mod boot_loader;
#[path = "check/cards.rs"]
mod cards;
#[path = "check/choice.rs"]
mod choice;
#[path = "check/cluster.rs"]
mod cluster;
#[path = "check/distributions.rs"]
mod distributions;
#[path = "check/gpupci.rs"]
mod gpupci;
#[path = "check/hooks.rs"]
mod hooks;
#[path = "check/hostile_files.rs"]
mod hostile_files;
#[path = "check/initramfs.rs"]
mod initramfs;
#[path = "check/initramfs_age.rs"]
mod initramfs_age;
#[path = "check/iommu.rs"]
mod iommu;
#[path = "check/module_names.rs"]
mod module_names;
#[path = "check/modules.rs"]
mod modules;
#[path = "check/output.rs"]
mod output;
#[path = "check/parameters.rs"]
mod parameters;
#[path = "check/summary.rs"]
mod summary;
#[path = "check/vfio_ids.rs"]
mod vfio_ids;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pretty_assertions::assert_eq;
use support::TestHost;

const DEVICES: &str = "sys/bus/pci/devices";
const RELEASE: &str = "4.18.0-553.el8_10.x86_64";
const ROCKY: &str =
    "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"\n";

/// The manual's host, prepared for pass-through in every respect.
fn ready() -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write(
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: GenuineIntel\n",
    );
    host.write("etc/os-release", ROCKY);
    for program in [
        "usr/bin/dracut",
        "usr/sbin/grub2-mkconfig",
        "boot/grub2/grub.cfg",
    ] {
        host.write(program, "");
    }
    host.write(
        "etc/default/grub",
        "GRUB_CMDLINE_LINUX=\"crashkernel=auto\"\n",
    );
    host.write("sys/firmware/acpi/tables/DMAR", "");
    host.write("sys/class/iommu/dmar0/intel-iommu/ecap", "f020df\n");
    let modules = format!("lib/modules/{RELEASE}/modules.dep");
    host.write(
        &modules,
        "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\n",
    );
    for card in ["0000:02:00.0", "0000:03:00.0"] {
        host.write(&format!("{DEVICES}/{card}/reset_method"), "flr bus\n");
    }
    host.write_program("etc/libvirt/hooks/qemu", "\0gpupt");
    host.write_program("usr/bin/gpupci", "");
    host.write("run/gpupt/hook-seen", "");
    host
}

impl TestHost {
    fn write_program(&self, path: &str, content: &str) {
        self.write(path, content);
        self.set_mode(path, 0o755);
    }

    fn set_mode(&self, path: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(path), mode).expect("the mode is set");
    }

    fn remove(&self, path: &str) {
        let path = self.path(path);
        let removed = match path.symlink_metadata().expect("it is there").is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.expect("it is removed");
    }

    /// Turns the IOMMU off.
    fn without_groups(&self) {
        // The kernel registers no IOMMU that it does not use.
        let units = self.path("sys/class/iommu");
        let _ = fs::remove_dir_all(units);
        self.remove("sys/kernel/iommu_groups");
        for entry in fs::read_dir(self.path(DEVICES)).expect("a bus") {
            let link = entry.expect("an entry").path().join("iommu_group");
            if link.symlink_metadata().is_ok() {
                fs::remove_file(link).expect("the link is removed");
            }
        }
    }

    /// Sets the running kernel command line, and the one of the next boot.
    fn boot_with(&self, line: &str) {
        self.write("proc/cmdline", &format!("BOOT_IMAGE=/vmlinuz {line}\n"));
        self.write(
            "etc/default/grub",
            &format!("GRUB_CMDLINE_LINUX=\"{line}\"\n"),
        );
    }

    /// The failures and warnings of `gpupci check`, and its exit code.
    #[track_caller]
    fn trouble(&self) -> (String, i32) {
        self.trouble_of("check")
    }

    #[track_caller]
    fn trouble_of(&self, line: &str) -> (String, i32) {
        let said = self.line(line);
        assert_eq!(said.stderr, "", "{}", said.text());
        let text = said.text();
        let mut lines: Vec<&str> = text.lines().collect();
        let summary = lines.pop().unwrap_or_default();
        assert!(summary.contains(" for guests"), "{text}");
        let lines = lines.into_iter().filter(|line| !line.starts_with("PASS  "));
        let trouble = lines.map(|line| format!("{line}\n")).collect();
        (trouble, said.code.expect("it ends by itself"))
    }

    /// The last line of `gpupci check`.
    fn summary(&self) -> String {
        let text = self.line("check").text();
        text.lines().next_back().unwrap_or_default().to_owned()
    }

    /// Asserts that `gpupci check` prints this line.
    #[track_caller]
    fn assert_says(&self, line: &str) {
        let text = self.line("check").text();
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
}

/// Asserts the exit code and the lines of failures and warnings.
#[track_caller]
fn assert_trouble(host: &TestHost, exit: i32, lines: &[&str]) {
    let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(host.trouble(), (expected, exit));
}

#[test]
fn check_of_a_prepared_host_passes_everywhere() {
    let said = ready().line("check").answer();
    let card = |name, group| {
        format!(
            "PASS  {name}: it is bound to its host drivers (nvidia, snd_hda_intel)\n\
             PASS  {name}: no other device in IOMMU group {group} blocks it\n\
             PASS  {name}: it is not in use\n\
             PASS  {name}: it does not show the host's console\n\
             PASS  {name}: it can be reset (flr bus)\n"
        )
    };
    let expected = format!(
        "PASS  Linux 4.18.0-553.el8_10.x86_64 supports driver_override\n\
         PASS  the firmware reports an IOMMU (ACPI table DMAR)\n\
         PASS  the kernel uses the IOMMU (intel_iommu=on)\n\
         PASS  there are 10 IOMMU groups\n\
         PASS  every IOMMU can remap interrupts\n\
         PASS  the driver vfio-pci is loaded\n\
         PASS  this host has 2 cards\n\
         PASS  not counted as a card: 0000:04:03.0 (102b); to count, set `vendors = [\"nvidia\", \"102b\"]` \
         in /etc/gpupt.toml, or use --vendor 102b\n\
         {}{}\
         PASS  the libvirt hook is installed: /etc/libvirt/hooks/qemu\n\
         PASS  libvirt has run the hook since the last boot\n\
         2 of 2 cards ready for guests\n",
        card("gpupci1", 8),
        card("gpupci2", 9),
    );
    assert_eq!(said, expected);
}
