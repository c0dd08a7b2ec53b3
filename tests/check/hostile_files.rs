//! Hosts with missing, unreadable or malicious files.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::{DEVICES, assert_trouble, ready};

#[test]
fn check_runs_on_a_host_without_any_files() {
    let host = TestHost::named("nothing");
    host.remove("proc");
    let (trouble, exit) = host.trouble();
    assert_eq!(exit, 5);
    for line in [
        "WARN  found no PCI device, so cannot tell whether this kernel supports driver_override",
        "FAIL  the firmware reports no IOMMU (no ACPI table DMAR or IVRS)",
        "WARN  cannot tell Intel from AMD, so cannot tell whether intel_iommu=on is needed",
        "FAIL  there are no IOMMU groups: the IOMMU is off or missing, so no guest can use a card",
        "FAIL  this kernel has no driver vfio-pci, neither built in nor as a module",
        "FAIL  libvirt is not installed (there is no /etc/libvirt), so this host cannot start guests",
    ] {
        assert!(trouble.lines().any(|one| one == line), "{line}: {trouble}");
    }
    let cards = "FAIL  the cards of this host could not be read: cannot list ";
    assert!(trouble.contains(cards), "{trouble}");
}

#[test]
fn control_characters_from_files_are_escaped() {
    let evil = "\u{1b}[2J\u{7}\u{202e}";
    let host = ready();
    host.write(
        "proc/cmdline",
        &format!("intel_iommu=on vfio-pci.ids={evil},10de:{evil}\n"),
    );
    host.write("proc/sys/kernel/osrelease", &format!("4.18{evil}\n"));
    host.write(
        "etc/os-release",
        &format!("ID=\"{evil}\"\nVERSION_ID=\"{evil}\"\n"),
    );
    host.write(
        &format!("etc/modprobe.d/{evil}.conf"),
        "blacklist nouveau\nblacklist vfio-pci\n",
    );
    host.write(
        &format!("{DEVICES}/0000:02:00.0/reset_method"),
        &format!("flr {evil}\n"),
    );
    host.write("etc/driverctl.d/0000:02:00.1", evil);
    host.write_program(&format!("etc/libvirt/hooks/qemu.d/{evil}"), "virsh list\n");
    host.write("sys/class/iommu/dmar0/intel-iommu/ecap", evil);
    host.write(&format!("sys/class/iommu/{evil}/intel-iommu/ecap"), "0\n");
    let link = format!("{DEVICES}/0000:03:00.0/driver");
    host.remove(&link);
    symlink(format!("/sys/bus/pci/drivers/a{evil}"), host.path(&link)).expect("a link");
    for line in ["check", "check --json"] {
        let said = host.line(line);
        assert_eq!((said.code, said.stderr.as_str()), (Some(5), ""), "{line}");
        let is_evil = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.text().contains(is_evil), "{}", said.text());
        assert!(said.text().contains("[2J"), "{}", said.text());
    }
}

#[test]
fn unreadable_modprobe_files_are_warnings() {
    let host = ready();
    host.write("etc/modprobe.d/folder.conf/x", "");
    host.write(
        "etc/modprobe.d/long.conf",
        &"blacklist vfio-pci\n".repeat(600_000),
    );
    symlink("nowhere", host.path("etc/modprobe.d/lost.conf")).expect("a link");
    let pipe = host.path("etc/modprobe.d/pipe.conf");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.expect("mkfifo starts").success());
    fs::write(
        host.path("etc/modprobe.d/odd.conf"),
        b"blacklist \xff\xfe\n",
    )
    .expect("written");
    let lines = |name: &str, why: &str| {
        [
            format!(
                "WARN  /etc/modprobe.d/{name}.conf could not be read ({why}), so its rules were \
                 not checked"
            ),
            format!("      try: check /etc/modprobe.d/{name}.conf"),
        ]
    };
    let all = [
        lines("folder", "it is not a regular file"),
        lines("long", "it is larger than 1048576 bytes"),
        lines("lost", "No such file or directory (os error 2)"),
        lines("pipe", "it is not a regular file"),
    ];
    let all: Vec<&str> = all.as_flattened().iter().map(String::as_str).collect();
    assert_trouble(&host, 0, &all);
}

#[test]
fn modprobe_file_without_read_permission_is_a_warning() {
    let host = ready();
    host.write("etc/modprobe.d/secret.conf", "blacklist vfio-pci\n");
    host.set_mode("etc/modprobe.d/secret.conf", 0o000);
    // Root can read it anyway.
    let is_secret = fs::read(host.path("etc/modprobe.d/secret.conf")).is_err();
    let (trouble, exit) = host.trouble();
    let told = match is_secret {
        true => "WARN  /etc/modprobe.d/secret.conf could not be read (Permission denied",
        false => "WARN  /etc/modprobe.d/secret.conf blacklists vfio-pci",
    };
    assert!(trouble.starts_with(told), "{trouble}");
    assert_eq!(exit, 0);
}

#[test]
fn pipes_and_folders_in_place_of_files_do_not_block_check() {
    let host = ready();
    for path in [
        "proc/cmdline",
        "etc/os-release",
        "proc/cpuinfo",
        "etc/libvirt/hooks/qemu",
    ] {
        host.remove(path);
        let made = std::process::Command::new("mkfifo")
            .arg(host.path(path))
            .status();
        assert!(made.expect("mkfifo starts").success());
    }
    host.write("etc/libvirt/hooks/qemu.d/a/b/c/d/e/f/virsh.sh", "virsh");
    symlink("..", host.path("etc/libvirt/hooks/qemu.d/a/up")).expect("a link");
    let lines = [
        "FAIL  the libvirt hook is not installed: guests start without their cards being checked",
        "      try: gpupci hook install",
    ];
    assert_trouble(&host, 5, &lines);
}

#[test]
fn card_with_an_invalid_device_id_is_a_failure() {
    let host = ready();
    host.write(&format!("{DEVICES}/0000:03:00.0/device"), "\u{1b}[2J\n");
    let (trouble, exit) = host.trouble();
    assert!(
        trouble.starts_with("FAIL  gpupci2: it could not be read completely: "),
        "{trouble}"
    );
    assert!(trouble.contains("value: \"\\u{1b}[2J"), "{trouble}");
    assert_eq!((trouble.lines().count(), exit), (2, 5), "{trouble}");
}

#[test]
fn card_with_an_invalid_driver_name_is_a_failure() {
    let host = ready();
    let link = format!("{DEVICES}/0000:03:00.0/driver");
    host.remove(&link);
    symlink("/sys/bus/pci/drivers/a\u{1b}b", host.path(&link)).expect("a link");
    let (trouble, exit) = host.trouble();
    assert!(
        trouble.starts_with("FAIL  gpupci2: it could not be read completely: "),
        "{trouble}"
    );
    assert!(trouble.contains("value: \"a\\u{1b}b\""), "{trouble}");
    assert_eq!((trouble.lines().count(), exit), (2, 5), "{trouble}");
}
