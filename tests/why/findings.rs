//! The findings of `gpupci check` for the cards of the guest and for the host.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::{GUEST, Host, OTHER_UUID, UUID, hostdev};

#[test]
fn missing_hook_is_told_with_the_command_that_installs_it() {
    let host = Host::with_guest(&hostdev("02"));
    fs::remove_file(host.path("etc/libvirt/hooks/qemu")).expect("a hook");
    assert_eq!(
        host.why(),
        "check:      the libvirt hook is not installed: guests start without their cards being checked\n            \
         try: gpupci hook install\n"
    );
    // The guest starts without it.
    assert_eq!(host.reasons()[0]["when"], json!(null));
    let plain = Host::with_guest("");
    fs::remove_file(plain.path("etc/libvirt/hooks/qemu")).expect("a hook");
    assert_eq!(plain.line("why rocks-33").text(), "");
}

#[test]
fn hook_that_libvirt_skips_is_told() {
    let host = Host::with_guest(&hostdev("02"));
    let hook = host.path("etc/libvirt/hooks/qemu");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o644)).expect("the mode is set");
    assert!(host.why().contains("is not executable"));
}

#[test]
fn host_without_an_iommu_is_one_reason_with_the_remedy_of_check() {
    let host = Host::with_guest(&hostdev("02"));
    fs::remove_dir_all(host.path("sys/kernel/iommu_groups")).expect("groups");
    for function in ["0000:02:00.0", "0000:02:00.1"] {
        let group = host.path(&format!("sys/bus/pci/devices/{function}/iommu_group"));
        fs::remove_file(group).expect("a link");
    }
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["codes"], json!(["no-iommu-group"]));
    assert_eq!(reasons[0]["said"][0]["source"], "check");
}

#[test]
fn findings_about_other_cards_are_left_out() {
    let host = Host::with_guest(&hostdev("02"));
    host.write("run/gpupt/cards/0000:03:00.json", "no record");
    assert_eq!(host.line("why rocks-33").text(), "");
    host.define("absent", OTHER_UUID, &hostdev("7f"));
    let absent = host.line("why absent").answer();
    assert_eq!(absent.matches("try:").count(), 1, "{absent}");
    host.write("run/gpupt/cards/0000:02:00.json", "no record");
    let reasons = host.why();
    assert_eq!(reasons.matches("try:").count(), 1, "{reasons}");
}

#[test]
fn guest_that_claims_no_card_needs_none_on_the_host() {
    let host = Host::on("no-cards.tree");
    host.write("sys/bus/pci/devices/0000:7e:00.0/class", "0x020000\n");
    host.define(GUEST, UUID, &hostdev("7e"));
    let topics = |host: &Host| host.line("why rocks-33").text();
    assert!(
        !topics(&host).contains("card of vendor"),
        "{}",
        topics(&host)
    );
    // What keeps every device from guests is a reason for this one too.
    fs::remove_dir_all(host.path("sys/kernel/iommu_groups")).expect("groups");
    assert!(
        topics(&host).contains("there are no IOMMU groups"),
        "{}",
        topics(&host)
    );
}

#[test]
fn warning_about_a_card_is_told_if_nothing_else_explains_a_failure() {
    let host = Host::with_guest(&hostdev("02"));
    assert_eq!(host.line("why rocks-33").text(), "");
    host.qemu_failed("qemu-system-x86_64: vfio: something failed");
    let reasons = host.why();
    assert!(
        reasons.contains("check:      gpupci1: the kernel has no way to reset it"),
        "{reasons}"
    );
    assert!(!reasons.contains("gpupci2"), "{reasons}");
}
