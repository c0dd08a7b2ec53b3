//! The last line, and `--quiet`.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::{DEVICES, ready};

/// The summary in the JSON of `gpupci LINE`.
fn counted(host: &TestHost, line: &str) -> Value {
    let text = host.line(line).text();
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["summary"].clone()
}

/// Lets a process have the device node of the first card open.
fn used_by(host: &TestHost, command: &str, cmdline: &str) {
    host.write(&format!("{DEVICES}/0000:02:00.0/drm/card7/dev"), "226:7\n");
    host.write("sys/class/drm/.keep", "");
    let link = host.path("sys/class/drm/card7");
    symlink("../../bus/pci/devices/0000:02:00.0/drm/card7", link).expect("a link");
    host.write("proc/41/comm", &format!("{command}\n"));
    host.write("proc/41/cmdline", cmdline);
    host.write("proc/41/maps", "");
    std::fs::create_dir_all(host.path("proc/41/fd")).expect("a folder");
    symlink("/dev/dri/card7", host.path("proc/41/fd/3")).expect("a link");
}

#[test]
fn card_that_a_process_uses_is_not_ready_and_one_that_a_guest_has_is() {
    let host = ready();
    used_by(&host, "Xorg", "/usr/lib/xorg/Xorg\0");
    assert_eq!(host.summary(), "1 of 2 cards ready for guests; 1 WARN");
    let one = host.line("check gpupci1").text();
    assert!(
        one.ends_with("0 of 1 card ready for guests; 1 WARN\n"),
        "{one}"
    );
    host.write(
        "proc/41/cmdline",
        "/usr/bin/qemu-system-x86_64\0-name\0guest=rocks-33\0",
    );
    assert_eq!(host.summary(), "2 of 2 cards ready for guests");
}

#[test]
fn problem_of_the_whole_host_leaves_no_card_ready() {
    let off = ready();
    off.without_groups();
    off.remove("sys/firmware");
    let blacklisted = ready();
    blacklisted.remove("sys/bus/pci/drivers/vfio-pci");
    blacklisted.write("etc/modprobe.d/x.conf", "blacklist vfio-pci\n");
    let unreadable = ready();
    unreadable.write("var/lib/gpupt/cards.json", "nonsense");
    for host in [off, blacklisted, unreadable] {
        let summary = host.summary();
        assert!(
            summary.starts_with("0 of 2 cards ready for guests; "),
            "{summary}"
        );
    }
}

#[test]
fn reason_to_refuse_a_card_counts_also_if_it_is_a_warning() {
    let host = ready();
    host.write("etc/driverctl.d/0000:02:00.1", "nouveau\n");
    host.remove(&format!("{DEVICES}/0000:03:00.0/reset_method"));
    // A card that cannot be reset goes to a guest all the same.
    assert_eq!(host.summary(), "1 of 2 cards ready for guests; 2 WARN");
    let expected = json!({"cards": 2, "ready": 1, "fail": 0, "warn": 2});
    assert_eq!(counted(&host, "check --json"), expected);
    assert_eq!(counted(&host, "check --json -q"), expected);
}

#[test]
fn quiet_prints_only_what_is_not_as_it_should_be() {
    let host = ready();
    assert_eq!(host.line("check -q").answer(), "");
    let document: Value =
        serde_json::from_str(&host.line("check -q --json").answer()).expect("JSON");
    assert_eq!(document["findings"], json!([]));
    host.write("etc/driverctl.d/0000:02:00.1", "nouveau\n");
    host.remove(&format!("{DEVICES}/0000:03:00.0/iommu_group"));
    let all = host.line("check").text();
    let trouble = all.lines().filter(|line| !line.starts_with("PASS  "));
    let mut trouble: Vec<&str> = trouble.collect();
    assert_eq!(
        trouble.pop(),
        Some("0 of 2 cards ready for guests; 1 FAIL, 1 WARN")
    );
    let said = host.line("check -q");
    assert_eq!(said.text().lines().collect::<Vec<_>>(), trouble);
    assert_eq!(said.code, Some(5));
    let said = host.line("check -q --json").text();
    assert!(
        said.contains("driverctl") && !said.contains("\"pass\""),
        "{said}"
    );
}
