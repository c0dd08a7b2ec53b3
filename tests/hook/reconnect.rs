//! `reconnect`: a restarted daemon finds its guests again. The hook must not fail here: libvirt
//! would kill a running guest.

use std::fs;
use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::guests::{Guest, hostdev};
use crate::stage::{Stage, because};
use crate::support::kernel::InjectedFault;
use crate::support::run;
use crate::{AUDIO, silence};

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

fn held(name: &str) -> String {
    because(
        &[&format!("guest {name} has this card")],
        &[&format!(
            "shut down guest {name}; if it is not running, run `gpupci recover`"
        )],
    )
}

#[test]
fn reconnect_never_fails() {
    type Break = fn(&Stage);
    let cases: [(&str, Break); 10] = [
        ("nothing", |_| ()),
        ("settings", |stage| {
            stage.host.write("etc/gpupt.toml", "vendors = 7\n");
        }),
        ("names", |stage| {
            stage.host.write("var/lib/gpupt/cards.json", "[");
        }),
        ("a record", |stage| {
            stage.host.write("run/gpupt/cards/0000:02:00.json", "[");
        }),
        ("a poisoned card", |stage| {
            stage.kernel.fault(1, InjectedFault::Blocks);
            let mut gpupci = stage.host.command();
            gpupci.args(["--timeout", "1", "detach", "gpupci1"]);
            let ended = gpupci.stderr(std::process::Stdio::null()).status();
            assert_eq!(ended.expect("it is started").code(), Some(6));
        }),
        ("no /run", |stage| {
            fs::remove_dir_all(stage.host.path("run")).expect("a folder");
            symlink("/proc/self", stage.host.path("run")).expect("a link");
        }),
        ("no PCI bus", |stage| {
            fs::remove_dir_all(stage.host.path("sys/bus")).expect("a folder");
        }),
        ("no /proc", |stage| {
            fs::remove_dir_all(stage.host.path("proc")).expect("a folder");
        }),
        ("a card that is gone", |stage| {
            stage.kernel.vanish(crate::VIDEO);
        }),
        ("half a card", |stage| {
            stage.kernel.administrator_binds(AUDIO, Some("vfio-pci"));
        }),
    ];
    for (what, breaks) in cases {
        let stage = Stage::manual();
        breaks(&stage);
        let writes = stage.kernel.writes();
        let mut hook = stage.command(&guest(), "reconnect");
        hook.env("GPUPT_TIMEOUT", "1");
        let said = run(&mut hook, guest().xml().as_bytes());
        assert_eq!(said, silence(), "{what}");
        assert_eq!(stage.kernel.writes(), writes, "{what}");
    }
}

#[test]
fn reconnect_records_the_holder_of_a_card_again() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let ready = stage.bindings();
    fs::remove_dir_all(stage.host.path("run/gpupt")).expect("a folder");
    stage.hook_ok(&guest(), "reconnect");
    let second = Guest::other(1, &guest().devices);
    stage.assert_refused(&second, &held("rocks-33"));
    assert_eq!(stage.host.line("attach gpupci1").code, Some(4));
    stage.hook_ok(&second, "reconnect");
    stage.assert_refused(&Guest::other(2, &guest().devices), &held("rocks-33"));
    // The former drivers are lost with the record, so the card stays on vfio-pci.
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.bindings(), ready);
    assert_eq!(stage.records(), [""; 0]);
    stage.host.line("attach gpupci1").answer();
    stage.assert_restored("the kernel knows its drivers");
}

#[test]
fn reconnect_keeps_an_existing_record() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let record = || {
        let path = stage.host.path("run/gpupt/cards/0000:02:00.json");
        fs::read_to_string(path).expect("a record")
    };
    let before = record();
    stage.hook_ok(&guest(), "reconnect");
    assert_eq!(record(), before);
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("it came from the host's drivers");
}

#[test]
fn reconnect_replaces_a_guest_that_neither_runs_nor_starts() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let path = "run/gpupt/cards/0000:02:00.json";
    let text = fs::read_to_string(stage.host.path(path)).expect("a record");
    let mut record: Value = serde_json::from_str(&text).expect("JSON");
    record["holder"]["since"] = Value::from(1);
    stage.host.write(path, &record.to_string());
    // A running guest has the card, so the first guest has not.
    let second = Guest::other(1, &guest().devices);
    stage.hook_ok(&second, "reconnect");
    stage.assert_refused(&guest(), &held("guest-1"));
    stage.hook_ok(&second, "release");
    stage.assert_restored("the first guest found it on its host drivers");
}

#[test]
fn reconnect_ignores_a_card_on_its_host_drivers() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "reconnect");
    stage.assert_restored("whatever the XML says");
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn reconnect_records_the_guest_as_holder_of_a_hot_plugged_card() {
    let stage = Stage::manual();
    stage.host.line("detach gpupci1").answer();
    stage.hook_ok(&guest(), "reconnect");
    stage.assert_refused(&Guest::other(1, &guest().devices), &held("rocks-33"));
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.changed_bindings().len(), 2, "it was detached before");
    stage.host.line("attach gpupci1").answer();
    stage.assert_restored("nothing was forgotten");
}
