//! QEMU's lines of the last start, and the causes that explain them.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::{GUEST, Host, UUID, hostdev};

const LATE: &str = "qemu-system-x86_64: -device vfio-pci: vfio 0000:02:00.0: ";

#[test]
fn line_without_a_known_cause_gets_its_meaning_and_a_remedy() {
    let host = Host::with_guest(&hostdev("02"));
    host.qemu_failed(&format!("{LATE}failed to find romfile \"/no\x1b[31mpe\""));
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["source"], "qemu");
    assert_eq!(reasons[0]["codes"], json!([]));
    assert_eq!(
        reasons[0]["text"],
        format!("{LATE}failed to find romfile \"/no\x1b[31mpe\"")
    );
    let shown = host.why();
    assert!(shown.contains("/no\\u{1b}[31mpe"), "{shown}");
    assert!(
        shown.contains("\n            means: the ROM file that"),
        "{shown}"
    );
    assert!(
        shown.contains("\n            try: correct or remove <rom file="),
        "{shown}"
    );
}

#[test]
fn unknown_line_is_repeated_as_it_is() {
    let host = Host::with_guest(&hostdev("02"));
    host.qemu_failed("qemu-system-x86_64: the moon is full");
    assert!(
        host.why()
            .starts_with("qemu:       qemu-system-x86_64: the moon is full\n")
    );
}

#[test]
fn line_stands_under_the_cause_that_explains_it() {
    let host = Host::with_guest(&hostdev("02"));
    host.write(
        "sys/kernel/iommu_groups/8/reserved_regions",
        "0x00000000000e8000 0x00000000000e8fff direct\n",
    );
    host.qemu_failed(&format!(
        "{LATE}failed to setup container for group 8: Failed to set iommu for container: Operation not permitted"
    ));
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["codes"], json!(["reserved-region"]));
    assert_eq!(reasons[0]["when"], "still");
    assert_eq!(reasons[0]["said"][0]["source"], "qemu");
}

#[test]
fn function_on_a_host_driver_explains_a_group_that_is_not_viable() {
    let host = Host::on("b550-shared-group.tree");
    host.define(GUEST, UUID, &hostdev("04"));
    host.qemu_failed(&format!(
        "{LATE}group 13 is not viable\nPlease ensure all devices within the iommu_group are bound to \
         their vfio bus driver."
    ));
    let reasons = host.reasons();
    let group = reasons.iter().find(|one| one["codes"] == json!(["group"]));
    let Some(group) = group else {
        panic!("{reasons:?}");
    };
    assert_eq!(group["said"].as_array().map(Vec::len), Some(2), "{group}");
    assert!(
        !reasons.iter().any(|one| one["source"] == "qemu"),
        "{reasons:?}"
    );
}

#[test]
fn device_that_is_not_there_explains_no_such_host_device() {
    let host = Host::with_guest(&hostdev("7f"));
    host.qemu_failed("qemu-system-x86_64: vfio 0000:7f:00.0: no such host device: No such file");
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["text"], "this host has no device 0000:7f:00.0");
    assert_eq!(reasons[0]["codes"][0], "no-such-device");
}

#[test]
fn end_of_a_start_by_libvirt_is_told_only_if_no_cause_is_known() {
    let ended = "libvirt:  error : libvirtd quit during handshake: Input/output error";
    let host = Host::with_guest(&hostdev("7f"));
    host.qemu_failed(ended);
    assert!(
        host.why()
            .starts_with("now:        this host has no device")
    );
    assert!(!host.why().contains("handshake"), "{}", host.why());
    host.define(GUEST, UUID, &hostdev("02"));
    let means = format!(
        "qemu:       {ended}\n            means: libvirt ended the start before QEMU ran\n"
    );
    assert!(host.why().starts_with(&means), "{}", host.why());
}

#[test]
fn qemu_of_an_earlier_start_is_left_out_after_a_refused_one() {
    let host = Host::with_guest(&hostdev("02"));
    host.write(
        "var/log/libvirt/qemu/rocks-33.log",
        &format!(
            "2020-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n{LATE}an old error\n\
             2020-01-02 10:00:01.000+0000: shutting down, reason=failed\n"
        ),
    );
    assert!(host.why().contains("an old error"));
    host.process(812, "Xorg", "/dev/nvidiactl");
    host.prepare_refused(GUEST, UUID, &hostdev("02"));
    assert!(!host.why().contains("an old error"));
}

#[test]
fn run_that_ended_as_wanted_is_no_failure() {
    let host = Host::with_guest(&hostdev("02"));
    host.write(
        "var/log/libvirt/qemu/rocks-33.log",
        "2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
         qemu-system-x86_64: warning: an error that was none\n\
         2026-01-02 10:00:01.000+0000: shutting down, reason=destroyed\n",
    );
    assert_eq!(host.line("why rocks-33").text(), "");
}

#[test]
fn log_that_is_a_pipe_is_not_waited_for() {
    let host = Host::with_guest(&hostdev("02"));
    std::fs::create_dir_all(host.path("var/log/libvirt/qemu")).expect("a folder");
    let log = host.path("var/log/libvirt/qemu/rocks-33.log");
    nix::unistd::mkfifo(&log, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert_eq!(host.line("why rocks-33").text(), "");
    std::fs::remove_file(&log).expect("a pipe");
    symlink("/dev/zero", &log).expect("a link");
    assert_eq!(host.line("why rocks-33").text(), "");
}
