//! Cards that are pulled, and a kernel that does not answer.

use std::fs;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::kernel::FakeKernel;
use crate::support::{TestHost, run};
use crate::{AUDIO, HOOK, VIDEO};

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

#[test]
fn prepare_fails_if_the_card_is_pulled_meanwhile() {
    let both: &[&str] = &[VIDEO, AUDIO];
    for (nth, gone) in [(1, both), (3, &[AUDIO]), (4, both), (6, &[AUDIO])] {
        let stage = Stage::manual();
        stage.kernel.before_write(nth, move |kernel| {
            for function in gone {
                kernel.vanish(function);
            }
        });
        let what = format!("{nth} {gone:?}");
        let said = stage.hook(&guest(), "prepare");
        assert_eq!((said.text(), said.code), (String::new(), Some(1)), "{what}");
        assert_eq!(said.stderr.lines().count(), 1, "{what}: {}", said.stderr);
        assert!(said.stderr.contains(". Try: "), "{}", said.stderr);
        stage.hook_ok(&guest(), "release");
        // The remaining functions are back on their host drivers, at the latest now.
        let recovered = stage.host.line("recover");
        assert_eq!(recovered.code, Some(0), "{what}: {}", recovered.stderr);
        assert_eq!(stage.changed_bindings(), [""; 0], "{what}");
        assert_eq!(stage.records(), [""; 0], "{what}");
        stage.hook_ok(&Guest::other(1, &hostdev("03", 0)), "prepare");
    }
}

#[test]
fn release_succeeds_after_the_card_was_pulled() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    stage.kernel.vanish(VIDEO).vanish(AUDIO);
    stage.hook_ok(&guest(), "release");
    stage.hook_ok(&guest(), "prepare");
    stage.kernel.reappear(VIDEO, VIDEO).reappear(AUDIO, AUDIO);
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("it is another card's place by now");
}

#[test]
fn release_restores_what_is_left_and_names_the_function_that_disappeared() {
    for (gone, left) in [(VIDEO, AUDIO), (AUDIO, VIDEO)] {
        let stage = Stage::manual();
        stage.host.line("-q list").answer();
        stage.hook_ok(&guest(), "prepare");
        stage.kernel.vanish(gone);
        stage.journal();
        stage.hook_ok(&guest(), "release");
        let journal = stage.journal();
        let line = format!(
            "{gone} of gpupci1 (0000:02:00) disappeared while guest rocks-33 had the card. Try: check \
             `dmesg` for messages about the card."
        );
        assert_eq!(journal[0]["MESSAGE"], line);
        assert_eq!(journal[0]["GPUPT_CODE"], "function-gone");
        assert_eq!(stage.changed_bindings(), [""; 0], "{left} is back");
        assert_eq!(stage.records(), [""; 0]);
    }
}

#[test]
fn prepare_fails_if_the_kernel_does_not_answer() {
    let host = TestHost::unpacked("manual.tree");
    drop(FakeKernel::on(&host));
    fs::remove_file(host.path("kernel.sock")).expect("a socket");
    let mut hook = Command::new(HOOK);
    hook.args(["rocks-33", "prepare", "begin", "-"])
        .env("GPUPT_ROOT", host.root.path());
    let said = run(&mut hook, guest().xml().as_bytes());
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    assert!(said.stderr.ends_with(".\n"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1);
}
