//! `kill -9` before and after every write of a detach and of an attach: whatever comes next
//! finishes, or undoes.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{FakeKernel, Fault};
use crate::{with_each, with_kernel};

const NEXT: [&str; 3] = ["attach gpupci1", "recover", "detach gpupci1"];

struct Trial {
    host: TestHost,
    kernel: FakeKernel,
    slot: &'static str,
    attached: Vec<String>,
}

impl Trial {
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

    /// Runs a command that dies at its `nth` write; says whether it came that far.
    fn dies(&self, line: &str, nth: usize, fault: Fault) -> bool {
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

    /// After a crash, this brings the card into a sound state; and from there it comes back.
    fn ends_well(&self, next: &str, what: &str) {
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
        self.starts_afresh(what);
    }

    /// Whether a guest may have it; an override that is cleared already is not set again.
    fn is_detached(&self) -> bool {
        let bindings = self.host.bindings_of(self.slot);
        bindings.iter().all(|line| line.contains(" vfio-pci "))
    }

    fn starts_afresh(&self, what: &str) {
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
        let trial = Trial::of("manual.tree", "0000:02:00");
        for nth in 1..=6 {
            for fault in [Fault::KillBefore, Fault::KillAfter] {
                // Before a write things are as after the one before it, so one way on is enough.
                if fault == Fault::KillBefore && NEXT[nth % NEXT.len()] != next {
                    continue;
                }
                if line == "attach gpupci1" {
                    trial.host.line("detach gpupci1").answer();
                }
                assert!(trial.dies(line, nth, fault), "{line} {nth}");
                trial.ends_well(next, &format!("{line} {nth} {fault:?} {next}"));
            }
        }
    });
}

#[test]
fn card_of_four_functions_survives_a_kill_at_every_write() {
    with_each(&["detach gpupci1", "attach gpupci1"], |&line| {
        let trial = Trial::of("four-functions.tree", "0000:17:00");
        for nth in 1..=12 {
            if line == "attach gpupci1" {
                trial.host.line("detach gpupci1").answer();
            }
            assert!(trial.dies(line, nth, Fault::KillAfter), "{line} {nth}");
            let next = NEXT[nth % NEXT.len()];
            trial.ends_well(next, &format!("{line} {nth} {next}"));
        }
    });
}

#[test]
fn card_survives_a_second_kill_during_recovery() {
    let cases: Vec<(&str, usize)> = (2..=4)
        .flat_map(|nth| NEXT.map(|next| (next, nth)))
        .collect();
    with_each(&cases, |&(next, nth)| {
        let trial = Trial::of("manual.tree", "0000:02:00");
        for second in 1.. {
            assert!(trial.dies("detach gpupci1", nth, Fault::KillAfter));
            if !trial.dies(next, second, Fault::KillAfter) {
                break;
            }
            trial.ends_well("recover", &format!("{nth} {next} {second}"));
        }
    });
}

#[test]
fn card_without_a_record_survives_a_kill_during_attach() {
    with_each(&NEXT, |&next| {
        let trial = Trial::of("manual.tree", "0000:02:00");
        for nth in 1..=6 {
            for function in ["0000:02:00.0", "0000:02:00.1"] {
                trial
                    .kernel
                    .administrator_overrides(function, Some("vfio-pci"))
                    .administrator_binds(function, Some("vfio-pci"));
            }
            assert!(trial.dies("attach gpupci1", nth, Fault::KillAfter));
            trial.ends_well(next, &format!("attach {nth} {next}"));
        }
    });
}
