//! `/usr/bin/gpupci`, which the hook runs.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::{SINGLE, new_libvirt};

const GPUPCI: &str = "usr/bin/gpupci";

/// The sentence about a missing `gpupci`, and the command.
fn told(host: &TestHost) -> (String, String) {
    let consequence = match host.has("var/lib/gpupt/cluster.db") {
        true => {
            "so the hook cannot check the cluster's attributes: a guest can start with a card of \
             another guest"
        }
        false => {
            "so a hook that AppArmor confines cannot see who uses a card, and the attributes of a \
             cluster would not be checked"
        }
    };
    let this = env!("CARGO_BIN_EXE_gpupci");
    (
        format!("there is no /usr/bin/gpupci, {consequence}"),
        format!("install -m 0755 {this} /usr/bin/gpupci"),
    )
}

#[test]
fn install_and_status_say_that_gpupci_is_missing() {
    for is_cluster in [false, true] {
        let host = new_libvirt();
        if is_cluster {
            host.line("host add vm-container-0-15 gpupci1 02:00.0")
                .answer();
        }
        std::fs::remove_file(host.path(GPUPCI)).expect("it goes");
        let (text, remedy) = told(&host);
        for _ in 0..2 {
            let said = host.line("hook install");
            assert_eq!(said.code, Some(0));
            assert_eq!(said.stderr, format!("gpupci: {text}; try: {remedy}\n"));
        }
        let said = host.line("hook status").answer();
        let lines = format!("gpupci:   {text}\n          try: {remedy}\n");
        assert!(said.contains(&lines), "{said}");
    }
}

#[test]
fn json_of_install_and_status_names_the_gpupci_of_the_hook() {
    let host = new_libvirt();
    let gpupci = |line: &str| {
        let said = host.line(line);
        let document: Value = serde_json::from_str(&said.text()).expect("JSON");
        assert_eq!(document["hooks"][0]["is_ours"], true, "{line}");
        document["gpupci"].clone()
    };
    let usable =
        json!({"path": "/usr/bin/gpupci", "state": "usable", "text": null, "remedy": null});
    for line in ["hook install --json", "hook status --json"] {
        assert_eq!(gpupci(line), usable, "{line}");
    }
    host.set_mode(GPUPCI, 0o600);
    let idle = gpupci("hook status --json");
    assert_eq!(idle["state"], "not-executable");
    assert_eq!(idle["remedy"], "chmod 0755 /usr/bin/gpupci");
    std::fs::remove_file(host.path(GPUPCI)).expect("it goes");
    let (text, remedy) = told(&host);
    for line in ["hook install --json", "hook status --json"] {
        let missing = gpupci(line);
        let expected =
            json!({"path": "/usr/bin/gpupci", "state": "missing", "text": text, "remedy": remedy});
        assert_eq!(missing, expected, "{line}");
    }
    assert!(!host.has(SINGLE));
}
