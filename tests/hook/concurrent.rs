//! Many concurrent guests with the same card. One gets it; the refusals of the others name it.

use std::fs::File;
use std::process::{Child, Stdio};

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::silence;
use crate::stage::{Stage, because};
use crate::support::RunOutput;

const MANY: usize = 200;

/// Starts a hook with its input in a file.
fn start(stage: &Stage, guest: &Guest, operation: &str) -> Child {
    let file = format!("xml/{}", guest.name);
    stage.host.write(&file, &guest.xml());
    let xml = File::open(stage.host.path(&file)).expect("a file");
    let mut hook = stage.command(guest, operation);
    hook.stdin(xml)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    hook.spawn().expect("the hook starts")
}

/// Runs one operation for all guests concurrently.
fn all(stage: &Stage, guests: &[Guest], operation: &str) -> Vec<RunOutput> {
    let started = guests.iter().map(|guest| start(stage, guest, operation));
    let hooks: Vec<Child> = started.collect();
    let ended = hooks.into_iter().map(|hook| {
        let output = hook.wait_with_output().expect("it ends");
        RunOutput {
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    });
    ended.collect()
}

#[test]
fn exactly_one_of_two_hundred_guests_gets_the_card() {
    let stage = Stage::manual();
    let guests: Vec<Guest> = (0..MANY)
        .map(|number| Guest::other(number, &hostdev("02", u8::from(number % 2 == 1))))
        .collect();
    let said = all(&stage, &guests, "prepare");
    let won: Vec<usize> = (0..MANY).filter(|n| said[*n] == silence()).collect();
    assert_eq!(won.len(), 1, "{won:?}");
    let winner = &guests[won[0]].name;
    let why = because(
        &[&format!("guest {winner} has this card")],
        &[&format!(
            "shut down guest {winner}; if it is not running, run `gpupci recover`"
        )],
    );
    for (guest, said) in guests.iter().zip(said) {
        if guest.name != *winner {
            let line = format!("gpupt: guest {} cannot start: {why}\n", guest.name);
            assert_eq!((said.stderr, said.code), (line, Some(1)));
        }
    }
    assert_eq!(stage.changed_bindings().len(), 2);
    assert_eq!(stage.kernel.writes().len(), 6, "the card was moved once");
    assert_eq!(stage.kernel.failures(), [""; 0]);

    for said in all(&stage, &guests, "release") {
        assert_eq!(said, silence());
    }
    assert_eq!(stage.kernel.writes().len(), 12, "and once back");
    stage.assert_restored("all are gone");
}

#[test]
fn concurrent_prepares_and_releases_restore_all_bindings() {
    let stage = Stage::manual();
    let buses = ["02", "03"];
    let guests: Vec<Guest> = (0..8)
        .map(|number| Guest::other(number, &hostdev(buses[number % 2], 0)))
        .collect();
    std::thread::scope(|scope| {
        for guest in &guests {
            scope.spawn(|| {
                for _ in 0..2 {
                    let started = stage.hook(guest, "prepare");
                    assert!(matches!(started.code, Some(0 | 1)), "{started:?}");
                    stage.hook_ok(guest, "release");
                }
            });
        }
    });
    assert_eq!(stage.kernel.failures(), [""; 0]);
    stage.assert_restored("all are gone");
}
