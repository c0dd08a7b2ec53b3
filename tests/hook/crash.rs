//! `kill -9` before and after every write of the hook. The next command restores all bindings.

use std::thread;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::kernel::InjectedFault;

/// The next command. Each of them restores the card.
const NEXT: [&str; 3] = ["release", "recover", "prepare"];

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// Runs the hook, which is killed at its `nth` write.
#[track_caller]
fn run_killed_at(stage: &Stage, operation: &str, nth: usize, fault: InjectedFault) {
    stage.kernel.forget();
    stage.kernel.fault(nth, fault);
    let said = stage.hook(&guest(), operation);
    let what = format!("{operation} {nth} {fault:?}");
    assert_eq!((said.text(), said.code), (String::new(), None), "{what}");
    let writes = stage.kernel.writes();
    assert_eq!(writes.len(), nth, "{what}");
    let last = format!("{}: unanswered", writes[nth - 1]);
    assert_eq!(stage.kernel.failures(), [last], "{what}");
    stage.kernel.forget();
}

#[track_caller]
fn assert_comes_back(stage: &Stage, next: &str, what: &str) {
    match next {
        "recover" => drop(stage.host.line("recover").answer()),
        "release" => stage.hook_ok(&guest(), "release"),
        _ => {
            stage.hook_ok(&guest(), "prepare");
            assert_eq!(stage.changed_bindings().len(), 2, "{what}");
            stage.hook_ok(&guest(), "release");
        }
    }
    assert_eq!(stage.kernel.failures(), [""; 0], "{what}");
    stage.assert_restored(what);
    stage.kernel.forget();
    stage.hook_ok(&guest(), "release");
    stage.host.line("-q recover").answer();
    assert_eq!(
        stage.kernel.writes(),
        [""; 0],
        "nothing is left to do: {what}"
    );
}

fn kill_at_every_write(operation: &str, next: &str) {
    let stage = Stage::manual();
    for nth in 1..=6 {
        for fault in [InjectedFault::KillBefore, InjectedFault::KillAfter] {
            // The state before a write is the state after the previous one, so one next command is
            // enough.
            if fault == InjectedFault::KillBefore && NEXT[nth % NEXT.len()] != next {
                continue;
            }
            if operation == "release" {
                stage.hook_ok(&guest(), "prepare");
            }
            run_killed_at(&stage, operation, nth, fault);
            assert_comes_back(&stage, next, &format!("{operation} {nth} {fault:?} {next}"));
        }
    }
}

#[test]
fn card_comes_back_after_a_kill_at_any_write_of_prepare() {
    thread::scope(|scope| {
        for next in NEXT {
            scope.spawn(move || kill_at_every_write("prepare", next));
        }
    });
}

#[test]
fn card_comes_back_after_a_kill_at_any_write_of_release() {
    thread::scope(|scope| {
        for next in NEXT {
            scope.spawn(move || kill_at_every_write("release", next));
        }
    });
}

#[test]
fn card_of_a_killed_prepare_is_refused_to_other_guests() {
    let stage = Stage::manual();
    let other = Guest::other(1, &guest().devices);
    for nth in [1, 3, 6] {
        run_killed_at(&stage, "prepare", nth, InjectedFault::KillAfter);
        let said = stage.hook(&other, "prepare");
        assert_eq!(said.code, Some(1), "{nth}");
        assert!(
            said.stderr.contains("guest rocks-33 has this card"),
            "{nth}"
        );
        stage.hook_ok(&other, "release");
        assert_eq!(stage.kernel.writes(), [""; 0], "{nth}");
        assert_comes_back(&stage, "release", "the guest's own release");
    }
}

#[test]
fn release_restores_both_cards_after_a_killed_prepare() {
    let stage = Stage::manual();
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    for nth in [2, 6, 7, 9, 12] {
        stage.kernel.forget();
        stage.kernel.fault(nth, InjectedFault::KillAfter);
        assert_eq!(stage.hook(&both, "prepare").code, None, "{nth}");
        stage.hook_ok(&both, "release");
        stage.assert_restored(&format!("release after {nth}"));
    }
}
