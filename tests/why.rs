//! `gpupci why`: the reasons why a guest did not start.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::process::Command;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use support::{TestHost, run};

const UUID: &str = "c7a5fdbd-edaf-9455-926a-d65c16db1809";

/// A guest with a hostdev for function 0 on this bus.
fn domain(bus: &str) -> String {
    format!(
        "<domain type='kvm'>\n  <name>rocks-33</name>\n  <uuid>{UUID}</uuid>\n  <devices>\n    \
         <hostdev mode='subsystem' type='pci' managed='yes'>\n      <source>\n        \
         <address domain='0x0000' bus='0x{bus}' slot='0x00' function='0x0'/>\n      \
         </source>\n    </hostdev>\n  </devices>\n</domain>\n"
    )
}

/// The manual's host, with the guest defined.
fn host(bus: &str) -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write("etc/libvirt/qemu/rocks-33.xml", &domain(bus));
    host.write(
        "etc/libvirt/qemu/other.xml",
        "<domain><name>other</name></domain>",
    );
    host.write(
        "etc/libvirt/qemu/broken.xml",
        "<domain><name>rocks-33</name>",
    );
    host
}

#[test]
fn why_gives_the_current_reason_with_its_remedy() {
    let host = host("02");
    host.write("proc/812/comm", "Xorg\n");
    host.write("proc/812/maps", "");
    std::fs::create_dir_all(host.path("proc/812/fd")).expect("a folder");
    let link = host.path("proc/812/fd/7");
    std::os::unix::fs::symlink("/dev/nvidia0", link).expect("a link");
    host.write(
        "proc/driver/nvidia/gpus/0000:02:00.0/information",
        "Model: \t\t Tesla C1060\nDevice Minor: \t 0\n",
    );
    assert_eq!(
        host.line("why rocks-33").answer(),
        "now:        gpupci1 (0000:02:00): Xorg (pid 812) uses /dev/nvidia0\n            \
         try: stop Xorg (pid 812), or keep it from using this card\n"
    );
}

#[test]
fn why_repeats_the_message_of_the_hook() {
    let host = host("03");
    let group = host.path("sys/bus/pci/devices/0000:03:00.0/iommu_group");
    std::fs::remove_file(group).expect("a link");
    let mut hook = Command::new(env!("CARGO_BIN_EXE_qemu"));
    hook.args(["rocks-33", "prepare", "begin", "-"])
        .env("GPUPT_ROOT", host.root.path());
    assert_eq!(run(&mut hook, domain("03").as_bytes()).code, Some(1));
    for guest in ["rocks-33", UUID, &UUID.to_uppercase()] {
        let text = host.line(&format!("why {guest}")).answer();
        let (hook, now) = text.split_once('\n').expect("two reasons");
        assert!(hook.starts_with("hook:       "), "{text}");
        assert!(
            hook.contains(
                " s ago: cannot prepare gpupci2 (0000:03:00): 0000:03:00.0 has no \
                 IOMMU group"
            ),
            "{text}"
        );
        assert!(
            now.starts_with("now:        gpupci2 (0000:03:00): 0000:03:00.0 has no IOMMU group")
        );
    }
}

#[test]
fn why_reports_the_error_of_qemu_and_a_missing_card() {
    let host = host("7f");
    host.write(
        "var/log/libvirt/qemu/rocks-33.log",
        "2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
         2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:7f:00.0: \x1b[31mno such host device\n",
    );
    let said = host.line("why rocks-33 --json").answer();
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        said,
        json!({ "version": 1, "reasons": [
            {
                "source": "qemu",
                "codes": [],
                "text": "2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:7f:00.0: \u{1b}[31mno \
                         such host device",
                "remedy": null, "card": null, "when": "last-start", "meaning": null,
                "state": null, "said": [],
            },
            {
                "source": "now",
                "codes": [],
                "text": "this host has no device 0000:7f:00.0",
                "remedy": "run `gpupci list`, then correct the guest's cards",
                "card": null, "when": "now", "meaning": null, "state": null, "said": [],
            },
        ]})
    );
    let shown = host.line("why rocks-33").answer();
    assert!(shown.contains("\\u{1b}[31mno such"), "{shown}");
}

#[test]
fn why_judges_a_card_that_an_option_of_qemu_claims() {
    let host = host("02");
    host.write(
        "etc/libvirt/qemu/rocks-33.xml",
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  \
         <name>rocks-33</name>\n  <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>\n  <devices/>\n  <qemu:commandline>\n    \
         <qemu:arg value='-device'/>\n    <qemu:arg value='vfio-pci,host=7f:00.0'/>\n  \
         </qemu:commandline>\n</domain>\n",
    );
    let reasons = host.line("why rocks-33").answer();
    assert!(
        reasons.starts_with("now:        this host has no device 0000:7f:00.0\n"),
        "{reasons}"
    );
}

#[test]
fn why_knows_a_transient_guest_from_the_hook() {
    let host = host("03");
    let group = host.path("sys/bus/pci/devices/0000:03:00.0/iommu_group");
    std::fs::remove_file(group).expect("a link");
    let mut hook = Command::new(env!("CARGO_BIN_EXE_qemu"));
    hook.args(["rocks-33", "prepare", "begin", "-"])
        .env("GPUPT_ROOT", host.root.path());
    assert_eq!(run(&mut hook, domain("03").as_bytes()).code, Some(1));
    std::fs::remove_file(host.path("etc/libvirt/qemu/rocks-33.xml")).expect("a guest");
    for guest in ["rocks-33", UUID] {
        let text = host.line(&format!("why {guest}")).answer();
        let now = "now:        gpupci2 (0000:03:00): 0000:03:00.0 has no IOMMU group";
        assert!(text.contains(now), "{text}");
    }
}

#[test]
fn why_says_nothing_about_a_guest_without_problems() {
    let host = host("02");
    let said = host.line("why rocks-33");
    assert_eq!((said.code, said.text().as_str()), (Some(0), ""));
    assert_eq!(
        said.stderr,
        "gpupci: no failed start is known, and nothing blocks a start now\n"
    );
    assert_eq!(host.line("why other -q").answer(), "");
}

#[test]
fn why_refuses_an_unknown_guest_of_any_name() {
    let host = host("02");
    for guest in ["rocks-34", "..", "../qemu/rocks-33", "", "a\nb", "-x"] {
        let said = host.gpupci(&["why", "--", guest]);
        assert_eq!((said.code, said.text().as_str()), (Some(3), ""), "{guest}");
        assert_eq!(
            said.stderr,
            format!(
                "gpupci: this host has no guest {guest:?}\n  \
                 try:   `virsh list --all` lists the guests of this host\n"
            )
        );
    }
}
