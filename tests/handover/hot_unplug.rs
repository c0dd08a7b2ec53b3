//! Cards that are pulled during a detach or attach, and appear again in the same or in another
//! slot.

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{FakeKernel, KernelState};
use crate::{manual, with_each};

const VIDEO: &str = "0000:02:00.0";
const AUDIO: &str = "0000:02:00.1";

fn pull(kernel: &KernelState) {
    kernel.vanish(VIDEO).vanish(AUDIO);
}

/// The manual's host after `list`. Its first card is pulled before or after a write.
fn pulled(verb: &str, nth: usize, is_before: bool) -> (TestHost, FakeKernel) {
    let (host, kernel) = manual();
    host.line("list").answer();
    if verb == "attach" {
        host.line("detach gpupci1").answer();
        kernel.forget();
    }
    match is_before {
        true => kernel.before_write(nth, pull),
        false => kernel.after_write(nth, pull),
    };
    let said = host.line(&format!("{verb} gpupci1"));
    let what = format!("{verb} {nth} {is_before}: {}", said.stderr);
    assert_eq!(said.code, Some(7), "{what}");
    let head = format!("gpupci: cannot {verb} gpupci1 (0000:02:00)\n  cause: ");
    assert!(said.stderr.starts_with(&head), "{what}");
    let state = "state: 0000:02:00.0 could not be read, 0000:02:00.1 could not be read";
    assert!(said.stderr.contains(state), "{what}");
    assert_eq!(host.bindings_of("0000:02:00"), [""; 0], "{what}");
    (host, kernel)
}

#[test]
fn card_may_be_pulled_at_any_write() {
    let mut cases = Vec::new();
    for nth in 1..=6 {
        for is_before in [true, false] {
            cases.extend(["detach", "attach"].map(|verb| (verb, nth, is_before)));
        }
    }
    with_each(&cases, |&(verb, nth, is_before)| {
        let (host, kernel) = pulled(verb, nth, is_before);
        let what = format!("{verb} {nth} {is_before}");
        let said = host.line("attach gpupci1");
        let gone = "GPU card gpupci1 not found\n";
        assert_eq!((&*said.stderr, said.code), (gone, Some(3)), "{what}");
        host.line("detach gpupci2").answer();

        // It appears again in the same slot, in another slot, or not at all.
        match nth % 3 {
            0 => {
                kernel.reappear(VIDEO, VIDEO).reappear(AUDIO, AUDIO);
                assert_eq!(
                    host.line("recover").answer(),
                    "0000:02:00 is bound to its host drivers again\n\
                     0000:03:00 is detached; nothing to recover\n",
                    "{what}"
                );
                host.line("detach gpupci1").answer();
            }
            1 => {
                let (video, audio) = ("0000:07:00.0", "0000:07:00.1");
                kernel.reappear_in(VIDEO, video, Some("20"));
                kernel.reappear_in(AUDIO, audio, Some("20"));
                let said = host.line("recover");
                assert_eq!(said.code, Some(0), "{what}");
                let gone = "0000:02:00 is not on this host any more; its record was removed\n";
                assert!(said.text().starts_with(gone), "{}", said.text());
                host.line("detach gpupci3").answer();
                assert_eq!(kernel.guest_takes("20"), Ok(()));
                kernel.guest_leaves("20");
            }
            _ => {
                assert_eq!(host.line("recover").code, Some(0), "{what}");
            }
        }
        host.line("recover");
        host.line("attach all").answer();
        assert_eq!(host.records(), [""; 0], "{what}");
    });
}

#[test]
fn single_function_may_be_pulled_at_any_write() {
    for gone in [VIDEO, AUDIO] {
        for nth in 1..=6 {
            let (host, kernel) = manual();
            kernel.before_write(nth, move |kernel| {
                kernel.vanish(gone);
            });
            let said = host.line("detach gpupci1");
            let what = format!("{gone} {nth}: {said:?}");
            assert!(matches!(said.code, Some(0 | 7)), "{what}");
            let recovered = host.line("recover");
            assert_eq!(recovered.code, Some(0), "{what} {recovered:?}");
            let left: Vec<String> = host.bindings_of("0000:02:00");
            let said = recovered.text();
            let is_back = left.iter().all(|line| line.ends_with("(null)"));
            let is_away = left.iter().all(|line| line.ends_with("vfio-pci vfio-pci"));
            assert!(is_back || is_away, "{what} {recovered:?} {left:?}");
            assert_eq!(
                is_back,
                !said.contains("is detached"),
                "{what} {said} {left:?}"
            );
        }
    }
}

#[test]
fn card_in_the_slot_of_a_pulled_card_is_not_touched() {
    let (host, kernel) = manual();
    host.line("list").answer();
    host.line("detach gpupci1").answer();
    pull(&kernel);
    kernel.reappear(VIDEO, VIDEO).reappear(AUDIO, AUDIO);
    let folder = std::fs::canonicalize(host.path(&format!("sys/bus/pci/devices/{VIDEO}")));
    let device = folder.expect("a function").join("device");
    std::fs::write(device, "0x1eb8\n").expect("an attribute");
    kernel.forget();
    for line in ["detach gpupci1", "attach gpupci1", "recover"] {
        let said = host.line(line);
        assert_eq!(said.code, Some(8), "{line}: {}", said.stderr);
    }
    assert_eq!(kernel.writes(), [""; 0]);
}
