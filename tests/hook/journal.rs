//! One line for each card that goes to a guest or back to the host, in the journal or in syslog.

use std::fs;
use std::os::unix::net::UnixDatagram;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::{Entry, Stage, entry};

/// The journal entry of a card's handover, without its duration.
fn changed(guest: &Guest, card: &str, from: &str, to: &str) -> Entry {
    let message = format!("{card}: from {from} to {to} for {} in N ms", guest.shown());
    entry(&[
        ("MESSAGE", &message),
        ("PRIORITY", "6"),
        ("GPUPT_GUEST", &guest.shown()),
        ("GPUPT_UUID", &guest.uuid),
        ("GPUPT_CARD", card),
        ("GPUPT_FROM", from),
        ("GPUPT_TO", to),
        ("GPUPT_MS", "N"),
    ])
}

/// The journal entries, with N for each duration.
fn said(stage: &Stage) -> Vec<Entry> {
    let mut entries = stage.journal();
    for entry in &mut entries {
        let ms = entry["GPUPT_MS"].clone();
        assert!(ms.parse::<u32>().is_ok(), "{entry:?}");
        let message = entry["MESSAGE"].replace(&format!(" in {ms} ms"), " in N ms");
        entry.insert("MESSAGE".to_owned(), message);
        entry.insert("GPUPT_MS".to_owned(), "N".to_owned());
    }
    entries
}

#[test]
fn each_card_has_a_journal_line_at_prepare_and_at_release() {
    let stage = Stage::manual();
    for name in ["rocks-33", "a\nPRIORITY=0", "it's \"x\" \u{202e}"] {
        let guest = Guest::with(&(hostdev("02", 0) + &hostdev("03", 1))).named(name);
        let lines = |from, to| ["gpupci1", "gpupci2"].map(|card| changed(&guest, card, from, to));
        stage.hook_ok(&guest, "prepare");
        assert_eq!(said(&stage), lines("host", "guest"));
        stage.hook_ok(&guest, "release");
        assert_eq!(said(&stage), lines("guest", "host"));
    }
}

#[test]
fn nothing_is_logged_if_no_card_changes() {
    let stage = Stage::manual();
    let guest = Guest::with(&hostdev("02", 0));
    for operation in ["release", "start", "started", "stopped", "reconnect", "new"] {
        stage.hook_ok(&guest, operation);
    }
    stage.hook_ok(&Guest::with(&hostdev("01", 0)), "prepare");
    assert_eq!(stage.journal(), []);
    stage.host.line("detach gpupci1").answer();
    for operation in ["prepare", "prepare", "reconnect", "release", "release"] {
        stage.hook_ok(&guest, operation);
        assert_eq!(stage.journal(), [], "{operation}");
    }
}

#[test]
fn syslog_is_used_if_there_is_no_journal() {
    let stage = Stage::manual();
    fs::remove_dir_all(stage.host.path("run/systemd")).expect("a folder");
    fs::create_dir_all(stage.host.path("dev")).expect("a folder");
    let syslog = UnixDatagram::bind(stage.host.path("dev/log")).expect("a syslog");
    syslog.set_nonblocking(true).expect("a socket");
    let line = || {
        let mut buffer = [0; 4096];
        let length = syslog.recv(&mut buffer).expect("a line");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let guest = Guest::with(&hostdev("02", 0)).named("a\nb");
    stage.hook_ok(&guest, "prepare");
    let ready = line();
    let start = "<30>gpupt: gpupci1: from host to guest for a\\nb in ";
    assert!(
        ready.starts_with(start) && ready.ends_with(" ms"),
        "{ready}"
    );
    let other = Guest::other(1, &guest.devices);
    let refused = stage.hook(&other, "prepare").stderr;
    let refused = refused.strip_prefix("gpupt: ").map(str::trim_end);
    assert_eq!(
        Some(line().as_str()),
        refused.map(|why| format!("<27>gpupt: {why}")).as_deref()
    );

    // A missing syslog is no failure.
    fs::remove_file(stage.host.path("dev/log")).expect("a socket");
    stage.hook_ok(&guest, "release");
    stage.assert_restored("release");
}
