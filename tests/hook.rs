//! The libvirt hook as libvirtd runs it: arguments, XML on standard input, exit code.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;
use support::{Host, Said, run};

fn hook(host: &Host, operation: &str, xml: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu"));
    command
        .args(["rocks-33", operation, "begin", "-"])
        .env("GPUPT_ROOT", host.root.path());
    run(&mut command, xml.as_bytes())
}

fn silence() -> Said {
    Said {
        stdout: Vec::new(),
        stderr: String::new(),
        code: Some(0),
    }
}

fn domain(bus: &str) -> String {
    format!(
        "<domain><devices><hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0' bus='{bus}' slot='0' function='0'/></source></hostdev></devices></domain>"
    )
}

/// A host with a card at 02:00.0 in an IOMMU group, and one at 03:00.0 in none.
fn host() -> Host {
    let host = Host::named("vm-container-0-15");
    for bus in ["02", "03"] {
        let device = format!("sys/bus/pci/devices/0000:{bus}:00.0");
        host.write(&format!("{device}/vendor"), "0x10de\n");
        host.write(&format!("{device}/class"), "0x030200\n");
    }
    let group = host.path("sys/bus/pci/devices/0000:02:00.0/iommu_group");
    std::os::unix::fs::symlink("../../../kernel/iommu_groups/1", group).expect("a link is made");
    host
}

#[test]
fn a_card_without_an_iommu_group_refuses_the_start_in_one_line() {
    let said = hook(&host(), "prepare", &domain("3"));
    assert_eq!((said.code, said.text().as_str()), (Some(1), ""));
    assert_eq!(
        said.stderr,
        "gpupt: guest rocks-33 cannot start: its card 0000:03:00.0 has no IOMMU group, so no guest can \
         have it; enable VT-d or AMD-Vi in the firmware, boot this host with intel_iommu=on or \
         amd_iommu=on, then start the guest again.\n"
    );
}

#[test]
fn all_else_is_let_through_in_silence() {
    let host = host();
    assert_eq!(
        hook(&host, "prepare", &domain("2")),
        silence(),
        "a card in a group"
    );
    assert_eq!(
        hook(&host, "prepare", &domain("0x7f")),
        silence(),
        "no card of ours"
    );
    assert_eq!(
        hook(&host, "prepare", "<domain/>"),
        silence(),
        "a guest without cards"
    );
    assert_eq!(
        hook(&host, "prepare", "<domain"),
        silence(),
        "libvirt reads its XML itself"
    );
    assert_eq!(hook(&host, "prepare", ""), silence(), "no XML");
    for operation in [
        "start",
        "started",
        "stopped",
        "release",
        "migrate",
        "restore",
        "reconnect",
        "attach",
        "new",
    ] {
        assert_eq!(
            hook(&host, operation, &domain("3")),
            silence(),
            "{operation}"
        );
    }
}

#[test]
fn a_hook_that_nobody_feeds_ends() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu"));
    command
        .args(["rocks-33", "prepare", "begin", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the hook starts");
    let held_open = child.stdin.take();
    let mut said = String::new();
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("it ends");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(said, "");
    drop(held_open);
}

#[test]
fn the_hook_holds_no_trace_of_a_database() {
    let binary = fs::read(env!("CARGO_BIN_EXE_qemu")).expect("the hook is there");
    let gpupci = fs::read(env!("CARGO_BIN_EXE_gpupci")).expect("gpupci is there");
    let has = |binary: &[u8], text: &str| {
        binary
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for trace in [
        "resolvechain",
        "SQLite format 3",
        "latin1_swedish_ci",
        "Packets out of sync",
    ] {
        assert!(has(&gpupci, trace), "{trace} is what a database leaves");
        assert!(!has(&binary, trace), "{trace}");
    }
}
