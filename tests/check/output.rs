//! The output: text, JSON, colour.

use std::process::Command;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::ready;
use crate::support::{TestHost, run};

fn findings(host: &TestHost) -> Vec<Value> {
    let text = host.line("check --json").text();
    let document: Value = serde_json::from_str(&text).expect("this is JSON");
    assert_eq!(document["version"], 1);
    let list = document["findings"].as_array();
    list.expect("a list").clone()
}

#[test]
fn json_and_text_report_the_same_findings() {
    let host = ready();
    host.remove("etc/libvirt");
    host.remove("sys/bus/pci/devices/0000:02:00.0/iommu_group");
    let findings = findings(&host);
    assert_eq!(
        findings[0],
        json!({
            "verdict": "pass",
            "topic": "kernel",
            "card": null,
            "text": "Linux 4.18.0-553.el8_10.x86_64 supports driver_override",
            "remedy": null,
        })
    );
    assert_eq!(
        findings.last(),
        Some(&json!({
            "verdict": "fail",
            "topic": "libvirt",
            "card": null,
            "text": "libvirt is not installed (there is no /etc/libvirt), so this host cannot start guests",
            "remedy": "dnf install libvirt qemu-kvm",
        }))
    );
    let group = findings
        .iter()
        .find(|f| f["topic"] == "iommu-group" && f["verdict"] == "fail");
    assert_eq!(group.expect("a finding")["card"], "gpupci1");
    let said = host.line("check");
    let lines = said.text();
    let lines = lines
        .lines()
        .filter(|line| !line.starts_with("      try: "));
    // The last line is the summary.
    assert_eq!(lines.count(), findings.len() + 1);
    assert_eq!(
        (said.code, host.line("check --json").code),
        (Some(5), Some(5))
    );
}

#[test]
fn check_is_coloured_only_on_request() {
    let host = ready();
    assert!(!host.line("check").text().contains('\u{1b}'));
    let mut coloured = host.command();
    coloured
        .arg("check")
        .env("CLICOLOR_FORCE", "1")
        .env_remove("NO_COLOR");
    let text = run(&mut coloured, b"").text();
    let first = text.lines().next().unwrap_or_default();
    let green = "\u{1b}[32mPASS\u{1b}[0m  Linux 4.18.0-553.el8_10.x86_64 supports driver_override";
    assert_eq!(first, green);
}

#[test]
fn check_runs_on_the_machine_that_runs_the_tests() {
    let mut check: Command = crate::support::gpupci();
    let said = run(check.args(["check", "--json"]), b"");
    let is_known = said.code.is_some_and(|code| [0, 5, 6, 8].contains(&code));
    assert!(is_known || said.stderr.starts_with("gpupci: "), "{said:?}");
}
