//! Concurrent commands: one runs after the other.

use std::process::Stdio;

use pretty_assertions::assert_eq;

use crate::support::shell_words;
use crate::{manual, with_kernel};

#[test]
fn fifty_commands_for_one_card_run_one_after_the_other() {
    const MANY: usize = 50;
    let (host, kernel) = manual();
    let attached = host.bindings();
    host.line("detach gpupci1").answer();
    let (detached, detaching) = (host.bindings(), kernel.writes());
    kernel.forget();
    host.line("attach gpupci1").answer();
    let attaching = kernel.writes();
    kernel.forget();

    let verbs = ["detach", "attach", "detach", "-d", "-a"].iter().cycle();
    let children: Vec<_> = verbs
        .take(MANY)
        .map(|verb| {
            let mut command = host.command();
            command.args([verb, "gpupci1"]).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("it is started")
        })
        .collect();
    let mut lines = 0;
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
        lines += String::from_utf8_lossy(&output.stdout).lines().count();
    }
    assert_eq!(lines, 2 * MANY, "each says what came of both functions");
    let writes = kernel.writes();
    for (index, turn) in writes.chunks(6).enumerate() {
        let whole = if index % 2 == 0 {
            &detaching
        } else {
            &attaching
        };
        assert_eq!(turn, whole, "turn {index}");
    }
    assert_eq!(kernel.failures(), [""; 0]);
    let end = match writes.len() / 6 % 2 {
        1 => (detached, 1),
        _ => (attached.clone(), 0),
    };
    assert_eq!((host.bindings(), host.records().len()), end);
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), attached);
}

#[test]
fn concurrent_commands_for_overlapping_cards_all_succeed() {
    let (host, kernel) = with_kernel("four-functions.tree");
    let before = host.bindings();
    let all = ["gpupci1", "gpupci2", "gpupci3", "gpupci2 gpupci1"].map(shell_words::split);
    for verb in ["detach", "attach"] {
        let children: Vec<_> = all
            .iter()
            .map(|card| {
                let mut command = host.command();
                command.arg(verb).args(card).stdout(Stdio::null());
                command.spawn().expect("it is started")
            })
            .collect();
        for mut child in children {
            assert!(child.wait().expect("it ends").success(), "{verb}");
        }
        let wanted = if verb == "detach" { 3 } else { 0 };
        assert_eq!(host.records().len(), wanted);
    }
    assert_eq!(host.bindings(), before);
    assert_eq!(kernel.failures(), [""; 0]);
}
