//! `kill -9` before and after every write of a detach and of an attach. The next command finishes
//! or undoes it.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{FakeKernel, InjectedFault};
use crate::{with_each, with_kernel};

const NEXT: [&str; 3] = ["attach gpupci1", "recover", "detach gpupci1"];

struct CrashTest {
    host: TestHost,
    kernel: FakeKernel,
    slot: &'static str,
    attached: Vec<String>,
}

impl CrashTest {
    fn of(tree: &str, slot: &'static str) -> Self {
        let (host, kernel) = with_kernel(tree);
        let attached = host.bindings();
        Self {
            host,
            kernel,
            slot,
            attached,
        }
    }

    /// Runs a command that is killed at its `nth` write. False if it had fewer writes.
    fn is_killed_at(&self, line: &str, nth: usize, fault: InjectedFault) -> bool {
        self.kernel.forget();
        self.kernel.fault(nth, fault);
        let said = self.host.line(line);
        let is_dead = self.kernel.failures() == [format!("{}: unanswered", self.last_write())];
        assert_eq!(said.code.is_none(), is_dead, "{line} {nth}: {said:?}");
        if !is_dead {
            assert_eq!(said.code, Some(0), "{line} {nth}: {said:?}");
            assert!(self.kernel.writes().len() < nth, "{line} {nth}");
        }
        is_dead
    }

    fn last_write(&self) -> String {
        self.kernel.writes().last().cloned().unwrap_or_default()
    }

    /// Runs `next` after a crash. It must leave the card either attached or detached, and a later
    /// attach must succeed.
    fn assert_recoverable(&self, next: &str, what: &str) {
        let Self { host, kernel, .. } = self;
        kernel.forget();
        host.line(next).answer();
        assert_eq!(kernel.failures(), [""; 0], "{what}");
        let is_detached = self.is_detached();
        match next {
            "recover" if is_detached => (),
            "detach gpupci1" => assert!(is_detached, "{what}: {:#?}", host.bindings()),
            _ => assert_eq!(host.bindings(), self.attached, "{what}"),
        }
        match is_detached {
            true => assert_eq!(host.record(self.slot)["phase"], "detached", "{what}"),
            false => assert_eq!(host.records(), [""; 0], "{what}"),
        }
        kernel.forget();
        host.line("-q recover").answer();
        assert_eq!(kernel.writes(), [""; 0], "nothing is unfinished: {what}");
        self.assert_attach_restores(what);
    }

    /// Whether all functions are on vfio-pci. The overrides may be cleared already: a second detach
    /// does not set them again.
    fn is_detached(&self) -> bool {
        let bindings = self.host.bindings_of(self.slot);
        bindings.iter().all(|line| line.contains(" vfio-pci "))
    }

    fn assert_attach_restores(&self, what: &str) {
        self.host.line("attach gpupci1").answer();
        assert_eq!(self.host.bindings(), self.attached, "{what}");
        assert_eq!(self.host.records(), [""; 0], "{what}");
    }
}

#[test]
fn card_of_two_functions_survives_a_kill_at_every_write() {
    let cases: Vec<(&str, &str)> = ["detach gpupci1", "attach gpupci1"]
        .into_iter()
        .flat_map(|line| NEXT.map(|next| (line, next)))
        .collect();
    with_each(&cases, |&(line, next)| {
        let test = CrashTest::of("manual.tree", "0000:02:00");
        for nth in 1..=6 {
            for fault in [InjectedFault::KillBefore, InjectedFault::KillAfter] {
                // The state before a write is the state after the previous one, so one next command
                // is enough.
                if fault == InjectedFault::KillBefore && NEXT[nth % NEXT.len()] != next {
                    continue;
                }
                if line == "attach gpupci1" {
                    test.host.line("detach gpupci1").answer();
                }
                assert!(test.is_killed_at(line, nth, fault), "{line} {nth}");
                test.assert_recoverable(next, &format!("{line} {nth} {fault:?} {next}"));
            }
        }
    });
}

#[test]
fn card_of_four_functions_survives_a_kill_at_every_write() {
    with_each(&["detach gpupci1", "attach gpupci1"], |&line| {
        let test = CrashTest::of("four-functions.tree", "0000:17:00");
        for nth in 1..=12 {
            if line == "attach gpupci1" {
                test.host.line("detach gpupci1").answer();
            }
            assert!(
                test.is_killed_at(line, nth, InjectedFault::KillAfter),
                "{line} {nth}"
            );
            let next = NEXT[nth % NEXT.len()];
            test.assert_recoverable(next, &format!("{line} {nth} {next}"));
        }
    });
}

#[test]
fn card_survives_a_second_kill_during_recovery() {
    let cases: Vec<(&str, usize)> = (2..=4)
        .flat_map(|nth| NEXT.map(|next| (next, nth)))
        .collect();
    with_each(&cases, |&(next, nth)| {
        let test = CrashTest::of("manual.tree", "0000:02:00");
        for second in 1.. {
            assert!(test.is_killed_at("detach gpupci1", nth, InjectedFault::KillAfter));
            if !test.is_killed_at(next, second, InjectedFault::KillAfter) {
                break;
            }
            test.assert_recoverable("recover", &format!("{nth} {next} {second}"));
        }
    });
}

#[test]
fn card_without_a_record_survives_a_kill_during_attach() {
    with_each(&NEXT, |&next| {
        let test = CrashTest::of("manual.tree", "0000:02:00");
        for nth in 1..=6 {
            for function in ["0000:02:00.0", "0000:02:00.1"] {
                test.kernel
                    .administrator_overrides(function, Some("vfio-pci"))
                    .administrator_binds(function, Some("vfio-pci"));
            }
            assert!(test.is_killed_at("attach gpupci1", nth, InjectedFault::KillAfter));
            test.assert_recoverable(next, &format!("attach {nth} {next}"));
        }
    });
}
