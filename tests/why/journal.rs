//! The hook's lines in the journal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::{GUEST, Host, UUID, hostdev};

/// A `journalctl` that writes its arguments to a file, a line each, and prints these entries.
fn journalctl(host: &Host, entries: &[serde_json::Value]) {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    host.write("journal", &(entries.join("\n") + "\n"));
    let root = host.root.path().display();
    let script = host.stand_in("journalctl");
    let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {root}/words\ncat {root}/journal\n");
    fs::write(&script, text).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("the mode is set");
}

fn words(host: &Host) -> Vec<String> {
    let text = fs::read_to_string(host.path("words")).expect("journalctl ran");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn journal_is_searched_by_fields_of_root_since_the_last_start() {
    let host = Host::with_guest(&hostdev("02"));
    host.process(812, "Xorg", "/dev/nvidiactl");
    host.prepare_refused(GUEST, UUID, &hostdev("02"));
    journalctl(&host, &[]);
    host.why();
    let words = words(&host);
    let since = words.iter().find(|word| word.starts_with("--since=@"));
    assert!(since.is_some(), "{words:?}");
    let fields = words.iter().skip_while(|word| !word.starts_with("GPUPT_"));
    let fields: Vec<&str> = fields.map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "GPUPT_GUEST=rocks-33",
            "_UID=0",
            "+",
            &format!("GPUPT_UUID={UUID}"),
            "_UID=0"
        ]
    );
}

#[test]
fn journal_does_not_repeat_the_refusal_and_has_the_codes_of_other_lines() {
    let host = Host::with_guest(&hostdev("02"));
    host.process(812, "Xorg", "/dev/nvidiactl");
    let said = host.prepare(GUEST, UUID, &hostdev("02"));
    let refusal = said.stderr.trim_end().trim_start_matches("gpupt: ");
    journalctl(
        &host,
        &[
            json!({ "MESSAGE": refusal, "GPUPT_CODE": "busy" }),
            json!({ "MESSAGE": "gpupci1: from host to guest", "GPUPT_MS": "7" }),
            json!({ "MESSAGE": "cannot restore \u{1b} gpupci1", "GPUPT_CODE": ["not-undone"] }),
        ],
    );
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert_eq!(reasons[1]["source"], "journal");
    assert_eq!(reasons[1]["codes"], json!(["not-undone"]));
    assert!(
        host.why()
            .contains("\njournal:    cannot restore \\u{1b} gpupci1\n")
    );
}
