//! What the hook refused at the last start, compared with what it would say now.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{GUEST, Host, UUID, hostdev};

/// The host with a guest whose start was refused, because Xorg uses its card.
fn refused() -> Host {
    let host = Host::with_guest(&hostdev("02"));
    host.process(812, "Xorg", "/dev/nvidiactl");
    host.prepare_refused(GUEST, UUID, &hostdev("02"));
    host
}

fn whens(reasons: &[Value]) -> Vec<(&str, &str)> {
    let text = |value: &'_ Value| -> &'static str {
        match value.as_str() {
            Some("still") => "still",
            Some("no-longer") => "no-longer",
            Some("last-start") => "last-start",
            Some("now") => "now",
            Some("hook") => "hook",
            _ => "-",
        }
    };
    let pairs = reasons.iter();
    pairs
        .map(|one| (text(&one["source"]), text(&one["when"])))
        .collect()
}

#[test]
fn cause_that_still_holds_is_told_once_with_one_remedy() {
    let host = refused();
    let reasons = host.why();
    let mut lines: Vec<&str> = reasons.lines().collect();
    let ago = lines.remove(1);
    assert_eq!(
        lines,
        [
            "now:        gpupci1 (0000:02:00): Xorg (pid 812) uses /dev/nvidiactl",
            "            try: stop Xorg (pid 812), or keep it from using this card",
        ]
    );
    assert!(
        ago.starts_with("            hook: refused the start "),
        "{ago}"
    );
    assert_eq!(whens(&host.reasons()), [("now", "still")]);
}

#[test]
fn same_cause_with_another_process_is_still_one_cause() {
    let host = refused();
    host.end_process(812);
    host.process(813, "Xwayland", "/dev/nvidiactl");
    let reasons = host.reasons();
    assert_eq!(whens(&reasons), [("now", "still")]);
    assert_eq!(reasons[0]["codes"], json!(["busy"]));
}

#[test]
fn cause_that_is_gone_is_told_as_past() {
    let host = refused();
    host.end_process(812);
    let reasons = host.why();
    assert!(
        reasons.contains(
            " ago: cannot prepare gpupci1 (0000:02:00): Xorg (pid 812) uses /dev/nvidiactl\n            \
             this is no longer so\n            try: start the guest again"
        ),
        "{reasons}"
    );
    assert!(!reasons.contains("State:"), "{reasons}");
    assert_eq!(whens(&host.reasons()), [("hook", "no-longer")]);
}

#[test]
fn guest_is_not_to_be_started_again_while_a_finding_blocks_it() {
    let host = refused();
    host.end_process(812);
    host.write("proc/cmdline", "ro intel_iommu=on iommu=pt intremap=off\n");
    let reasons = host.why();
    assert!(reasons.contains("this is no longer so"), "{reasons}");
    assert!(reasons.contains("check:      intremap=off"), "{reasons}");
    assert!(!reasons.contains("start the guest again"), "{reasons}");
}

#[test]
fn new_cause_stands_behind_the_one_of_the_last_start() {
    let host = refused();
    host.end_process(812);
    host.write("etc/driverctl.d/0000:02:00.0", "nvidia\n");
    assert_eq!(
        whens(&host.reasons()),
        [("hook", "no-longer"), ("now", "now")]
    );
    // One of two causes is left.
    host.process(812, "Xorg", "/dev/nvidiactl");
    host.prepare_refused(GUEST, UUID, &hostdev("02"));
    fs::remove_dir_all(host.path("etc/driverctl.d")).expect("a folder");
    let reasons = host.reasons();
    assert_eq!(whens(&reasons), [("now", "still"), ("hook", "no-longer")]);
    assert_eq!(reasons[1]["codes"], json!(["driverctl"]));
}

#[test]
fn same_cause_at_another_card_is_another_cause() {
    let host = refused();
    host.end_process(812);
    host.define(GUEST, UUID, &hostdev("03"));
    host.process(812, "Xorg", "/dev/nvidiactl");
    assert_eq!(
        whens(&host.reasons()),
        [("hook", "no-longer"), ("now", "now")]
    );
}

#[test]
fn cause_that_cannot_be_judged_again_is_not_called_past() {
    let host = Host::with_guest(&hostdev("02"));
    let record = json!({
        "guest": GUEST, "at": 30, "codes": ["write-failed"],
        "refused": "cannot prepare gpupci1 (0000:02:00): it did not bind. State: all changes were undone. \
                    Try: check `dmesg`.",
    });
    host.write(
        &format!("run/gpupt/guests/{UUID}.json"),
        &record.to_string(),
    );
    let reasons = host.why();
    assert!(
        reasons.contains("it did not bind\n            try: check `dmesg`\n"),
        "{reasons}"
    );
    assert_eq!(whens(&host.reasons()), [("hook", "last-start")]);
}

#[test]
fn record_without_codes_is_compared_by_its_words() {
    let host = refused();
    let path = host.path(&format!("run/gpupt/guests/{UUID}.json"));
    let text = fs::read_to_string(&path).expect("a record");
    let mut record: Value = serde_json::from_str(&text).expect("JSON");
    let fields = record.as_object_mut().expect("an object");
    fields
        .remove("codes")
        .and(fields.remove("claims"))
        .expect("fields");
    fs::write(path, record.to_string()).expect("a record");
    assert_eq!(whens(&host.reasons()), [("now", "still")]);
}

#[test]
fn prepared_start_without_qemu_points_to_libvirt() {
    let host = Host::with_guest(&hostdev("02"));
    host.prepare_ok(GUEST, UUID, &hostdev("02"));
    let reasons = host.why();
    assert!(
        reasons.contains("its cards were prepared, but QEMU's log of this guest could not be read"),
        "{reasons}"
    );
    host.write(
        "var/log/libvirt/qemu/rocks-33.log",
        "2020-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
         2020-01-01 10:00:02.000+0000: shutting down, reason=destroyed\n",
    );
    let reasons = host.why();
    assert!(
        reasons.contains("its cards were prepared, but QEMU did not run after that"),
        "{reasons}"
    );
    assert!(
        reasons.contains("try: see what libvirt said: journalctl -u libvirtd"),
        "{reasons}"
    );
    host.qemu_failed("");
    assert_eq!(host.line("why rocks-33").text(), "");
}
