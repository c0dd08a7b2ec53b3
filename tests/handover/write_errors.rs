//! Every write of a detach and of an attach fails with several errors. The message must tell the
//! real state, and `recover` must restore what the undo could not.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel, InjectedFault};
use crate::{with_each, with_kernel};

const ERRNOS: [Errno; 7] = [
    Errno::ENODEV,
    Errno::EINVAL,
    Errno::EBUSY,
    Errno::EIO,
    Errno::EPERM,
    Errno::ENOMEM,
    Errno::EAGAIN,
];

/// A host, and the card whose writes fail.
struct FaultTest {
    host: TestHost,
    kernel: FakeKernel,
    slot: &'static str,
    attached: Vec<String>,
    detached: Vec<String>,
    /// The number of writes of a detach and of an attach.
    writes: [usize; 2],
}

impl FaultTest {
    fn of(tree: &str, slot: &'static str) -> Self {
        let (host, kernel) = with_kernel(tree);
        let attached = host.bindings();
        let writes = |line| {
            kernel.forget();
            host.line(line).answer();
            kernel.writes().len()
        };
        let detaching = writes("detach gpupci1");
        let detached = host.bindings();
        let attaching = writes("attach gpupci1");
        Self {
            attached,
            detached,
            writes: [detaching, attaching],
            host,
            kernel,
            slot,
        }
    }

    /// Runs a detach or an attach with these faults, then recovers. Gives the number of writes
    /// until then.
    fn run_with_faults(&self, is_detach: bool, faults: &[(usize, Errno)]) -> usize {
        let Self { host, kernel, .. } = self;
        let (verb, before) = match is_detach {
            true => ("detach", &self.attached),
            false => ("attach", &self.detached),
        };
        if !is_detach {
            host.line("detach gpupci1").answer();
        }
        kernel.forget();
        for (nth, errno) in faults {
            kernel.fault(*nth, InjectedFault::Errno(*errno));
        }
        let said = host.line(&format!("{verb} gpupci1"));
        let what = format!("{verb} {faults:?}: {}", said.stderr);
        assert_eq!(kernel.failures().len(), faults.len(), "{what}");
        let writes = kernel.writes().len();
        match said.code {
            // The kernel did the write although it reported an error, or somebody else did it.
            Some(0) => (),
            Some(1) => assert_eq!(host.bindings(), *before, "{what}"),
            Some(7) => assert_ne!(host.bindings(), *before, "{what}"),
            code => panic!("{code:?}: {what}"),
        }
        if said.code != Some(0) {
            let (_, state) = said.stderr.split_once("\n  state: ").expect("a state");
            let drivers_line = host.drivers_line(self.slot);
            assert!(
                state.contains(&drivers_line),
                "{drivers_line} is not {what}"
            );
            assert_eq!(said.text(), "", "{what}");
        }
        let is_recorded = said.code == Some(7) || is_detach == (said.code == Some(0));
        assert_eq!(host.records().len(), usize::from(is_recorded), "{what}");
        if said.code == Some(7) {
            host.line("recover").answer();
        } else {
            host.line("attach gpupci1").answer();
        }
        assert_eq!(host.bindings(), self.attached, "{what}");
        assert_eq!(host.records(), [""; 0], "{what}");
        writes
    }
}

#[test]
fn card_of_two_functions_is_recovered_from_an_error_at_every_write() {
    with_each(&[true, false], |&is_detach| {
        let test = FaultTest::of("manual.tree", "0000:02:00");
        assert_eq!(test.writes, [6, 6]);
        for nth in 1..=test.writes[usize::from(!is_detach)] {
            for errno in ERRNOS.iter().cycle().skip(3 * nth).take(3) {
                test.run_with_faults(is_detach, &[(nth, *errno)]);
            }
        }
    });
}

#[test]
fn card_of_four_functions_is_recovered_from_an_error_at_every_write() {
    with_each(&[true, false], |&is_detach| {
        let test = FaultTest::of("four-functions.tree", "0000:17:00");
        assert_eq!(test.writes, [12, 12]);
        for nth in 1..=test.writes[usize::from(!is_detach)] {
            test.run_with_faults(is_detach, &[(nth, ERRNOS[nth % ERRNOS.len()])]);
        }
    });
}

#[test]
fn card_is_recovered_from_errors_during_the_undo() {
    with_each(&[true, false], |&is_detach| {
        let test = FaultTest::of("manual.tree", "0000:02:00");
        for nth in 1..=test.writes[usize::from(!is_detach)] {
            let all = test.run_with_faults(is_detach, &[(nth, Errno::EIO)]);
            for later in nth + 1..=all {
                let faults = [(nth, Errno::EIO), (later, Errno::ENODEV)];
                test.run_with_faults(is_detach, &faults);
            }
        }
    });
}
