//! The codes of the hook's refusals, as the journal's field `GPUPT_CODE` holds them.

use std::fs::{self, File};

use pretty_assertions::assert_eq;

use crate::claims::{mdev, shared_card};
use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::kernel::InjectedFault;
use crate::support::{TestHost, run};
use crate::{DEVICES, VIDEO, nvswitches, virtual_functions};

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// Checks that the hook says no to `operation`, or fails at it, with these codes.
#[track_caller]
fn assert_codes(stage: &Stage, operation: &str, codes: &str) {
    assert_codes_of(&guest(), stage, operation, codes);
}

#[track_caller]
fn assert_codes_of(guest: &Guest, stage: &Stage, operation: &str, codes: &str) {
    stage.journal();
    let mut hook = stage.command(guest, operation);
    hook.env("GPUPT_TIMEOUT", "0.5");
    run(&mut hook, guest.xml().as_bytes());
    let entries = stage.journal();
    let told: Vec<&str> = entries.iter().map(|entry| &*entry["GPUPT_CODE"]).collect();
    assert_eq!(told, [codes], "{operation}");
}

#[test]
fn each_refusal_of_the_hook_has_its_code() {
    let stage = Stage::manual();
    stage.hook_ok(&Guest::other(1, &hostdev("02", 1)), "prepare");
    assert_codes(&stage, "prepare", "held");

    let stage = Stage::manual();
    stage.process(77, "Xorg", "/dev/nvidiactl");
    stage
        .host
        .write(&format!("etc/driverctl.d/{VIDEO}"), "nouveau\n");
    assert_codes(&stage, "prepare", "busy driverctl");

    let host = TestHost::unpacked("manual.tree");
    host.line("host add rocks-34 gpupci 02:00.0").answer();
    assert_codes(&Stage::on(host), "prepare", "assigned-elsewhere");

    let stage = Stage::on(virtual_functions::host("nvidia", None));
    let claimed = virtual_functions::guest(" managed='yes'");
    assert_codes_of(&claimed, &stage, "prepare", "managed-virtual-function");

    let stage = nvswitches::stage("nvidia-nvswitch");
    let claimed = nvswitches::guest("managed='no'");
    assert_codes_of(&claimed, &stage, "prepare", "switch-on-host");

    // Another function than a display sits where the card was.
    let stage = Stage::manual();
    stage.host.line("list").answer();
    stage
        .host
        .write(&format!("{DEVICES}/{VIDEO}/class"), "0x020000\n");
    stage
        .host
        .write(&format!("{DEVICES}/{VIDEO}/device"), "0x1eb8\n");
    assert_codes(&stage, "prepare", "card-changed");

    let both = Guest::with(&(hostdev("02", 0) + &mdev()));
    assert_codes_of(&both, &shared_card(), "prepare", "claimed-in-parts");
}

#[test]
fn a_failure_that_concerns_all_cards_has_its_code() {
    let stage = Stage::manual();
    stage.host.write("etc/gpupt.toml", "vendors = [\"ati\"]\n");
    assert_codes(&stage, "prepare", "settings");

    let stage = Stage::manual();
    stage.host.write("var/lib/gpupt/cards.json", "{");
    assert_codes(&stage, "prepare", "card-names");

    let stage = Stage::manual();
    fs::create_dir_all(stage.host.path("run/gpupt")).expect("a folder");
    let lock = File::create(stage.host.path("run/gpupt/lock")).expect("a file");
    lock.lock().expect("it is free");
    assert_codes(&stage, "prepare", "locked");
    drop(lock);

    let stage = Stage::manual();
    stage
        .host
        .write(&format!("{DEVICES}/0000:01:00.0/vendor"), "what\n");
    assert_codes(&stage, "prepare", "sysfs");

    let stage = Stage::manual();
    stage.host.write("run/gpupt/lock/a", "");
    assert_codes(&stage, "prepare", "lock-file");
}

#[test]
fn a_card_that_is_not_given_back_has_its_code() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    stage
        .kernel
        .fault(stage.kernel.writes().len() + 1, InjectedFault::Blocks);
    assert_codes(&stage, "release", "write-hung");
    assert_codes(&stage, "release", "poisoned");

    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    stage.host.write("run/gpupt/cards/0000:02:00.json", "{");
    assert_codes(&stage, "release", "card-record");
}

#[test]
fn an_unknown_claim_and_a_function_that_disappeared_have_their_codes() {
    let stage = Stage::manual();
    let unknown = Guest {
        uuid: String::new(),
        ..guest()
    };
    assert_codes_of(&unknown, &stage, "prepare", "input");
    stage.hook_ok(&guest(), "prepare");
    stage.kernel.vanish(VIDEO);
    stage.journal();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.journal()[0]["GPUPT_CODE"], "function-gone");
}
