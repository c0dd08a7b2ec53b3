//! `release` undoes exactly what the guest's `prepare` did; `recover` does so if there was no
//! release.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::guests::{Guest, hostdev};
use crate::host_tree::script;
use crate::stage::{Stage, because};
use crate::{AUDIO, VIDEO};

const RECORD: &str = "run/gpupt/cards/0000:02:00.json";

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

fn record(stage: &Stage) -> Value {
    let text = fs::read_to_string(stage.host.path(RECORD)).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

/// Makes the record old, as if `prepare` had run long ago.
fn age(stage: &Stage) {
    let mut record = record(stage);
    record["holder"]["since"] = Value::from(1);
    stage.host.write(RECORD, &record.to_string());
}

#[test]
fn prepare_and_release_may_run_twice_and_release_without_prepare() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.kernel.writes(), [""; 0]);
    stage.hook_ok(&guest(), "prepare");
    stage.hook_ok(&guest(), "prepare");
    assert_eq!(
        stage.kernel.writes().len(),
        6,
        "a second time has nothing to do"
    );
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("once");
    stage.kernel.forget();
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("twice");
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn release_restores_overrides_and_unbound_functions() {
    let mut stage = Stage::manual();
    stage.kernel.administrator_overrides(VIDEO, Some("nvidia"));
    stage.kernel.administrator_binds(AUDIO, None);
    stage.before = stage.bindings();
    stage.hook_ok(&guest(), "prepare");
    assert_eq!(stage.changed_bindings().len(), 2);
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("an override, and a function without a driver");
}

#[test]
fn release_ignores_changes_of_the_xml_since_prepare() {
    for devices in ["", &hostdev("03", 0), &hostdev("02", 1), &hostdev("7f", 0)] {
        let stage = Stage::manual();
        stage.host.line("detach gpupci2").answer();
        stage.hook_ok(&guest(), "prepare");
        let mut changed = guest();
        changed.devices = devices.to_owned();
        stage.hook_ok(&changed, "release");
        assert_eq!(stage.records(), ["0000:03:00.json"], "{devices}");
        stage.host.line("attach gpupci2").answer();
        stage.assert_restored(devices);
    }
}

#[test]
fn release_leaves_a_card_detached_that_an_administrator_detached() {
    let stage = Stage::manual();
    stage.host.line("detach gpupci1").answer();
    let (ready, before, writes) = (stage.bindings(), record(&stage), stage.kernel.writes());
    for _ in 0..2 {
        stage.hook_ok(&guest(), "prepare");
        assert_eq!(record(&stage)["holder"]["was_detached"], true);
        stage.hook_ok(&guest(), "release");
        assert_eq!(stage.bindings(), ready);
        assert_eq!(record(&stage), before);
    }
    assert_eq!(stage.kernel.writes(), writes);
    stage.host.line("attach gpupci1").answer();
    stage.assert_restored("the administrator takes it back");
}

#[test]
fn release_leaves_a_card_on_vfio_pci_that_was_bound_at_boot() {
    let mut stage = Stage::manual();
    stage.bind_at_boot();
    stage.before = stage.bindings();
    for _ in 0..2 {
        stage.hook_ok(&guest(), "prepare");
        assert_eq!(stage.records(), ["0000:02:00.json"], "who has it is known");
        let second = Guest::other(1, &guest().devices);
        assert_eq!(stage.hook(&second, "prepare").code, Some(1));
        stage.hook_ok(&guest(), "release");
        stage.assert_restored("release");
    }
    assert_eq!(stage.kernel.writes(), [""; 0]);
}

#[test]
fn release_restores_a_card_whose_detach_was_killed_before_prepare() {
    let stage = Stage::manual();
    stage
        .kernel
        .fault(4, crate::support::kernel::InjectedFault::KillBefore);
    assert_eq!(stage.host.line("detach gpupci1").code, None);
    assert_eq!(stage.changed_bindings().len(), 1);
    stage.hook_ok(&guest(), "prepare");
    assert_eq!(stage.changed_bindings().len(), 2);
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("what was before all of it");
}

#[test]
fn release_and_reconnect_leave_the_card_of_another_guest_alone() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    age(&stage);
    // There is no process of the guest, so it has ended.
    stage.host.line("recover").answer();
    stage.assert_restored("recover");
    let second = Guest::other(1, &guest().devices);
    stage.hook_ok(&second, "prepare");
    let (ready, kept, writes) = (stage.bindings(), record(&stage), stage.kernel.writes());
    stage.hook_ok(&guest(), "release");
    stage.hook_ok(&guest(), "reconnect");
    assert_eq!(stage.bindings(), ready);
    assert_eq!(record(&stage), kept);
    assert_eq!(stage.kernel.writes(), writes);
    stage.hook_ok(&second, "release");
    stage.assert_restored("the second guest's release");
}

#[test]
fn recover_leaves_the_card_of_a_starting_or_running_guest_alone() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let ready = stage.bindings();
    stage.host.line("recover").answer();
    assert_eq!(stage.bindings(), ready, "QEMU is not there yet");
    age(&stage);
    stage.host.write("run/libvirt/qemu/rocks-33.pid", "77\n");
    stage.process(77, "qemu-kvm", "/dev/vfio/8");
    stage.host.line("recover").answer();
    assert_eq!(stage.bindings(), ready, "QEMU has it");
    fs::remove_dir_all(stage.host.path("proc/77")).expect("a process");
    stage.host.line("recover").answer();
    stage.assert_restored("QEMU is gone");
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("release");
}

#[test]
fn attach_refuses_the_card_of_a_guest() {
    for at_boot in [false, true] {
        let stage = Stage::manual();
        if at_boot {
            stage.bind_at_boot();
        }
        stage.hook_ok(&guest(), "prepare");
        let (ready, writes) = (stage.bindings(), stage.kernel.writes());
        for line in ["attach gpupci1", "attach all", "attach 02:00.1 --dry-run"] {
            let said = stage.host.line(line);
            assert_eq!(said.code, Some(4), "{line}");
            let causes = "gpupci: cannot attach gpupci1 (0000:02:00)\n  \
                          cause: guest rocks-33 has this card\n  state: nothing was changed\n  \
                          try:   shut down guest rocks-33; if it is not running, run `gpupci recover`\n";
            assert!(said.stderr.contains(causes), "{}", said.stderr);
        }
        assert_eq!(stage.bindings(), ready);
        assert_eq!(stage.kernel.writes(), writes);
        stage.hook_ok(&guest(), "release");
        assert_eq!(stage.records(), [""; 0]);
    }
}

#[test]
fn release_reports_a_card_in_use_and_leaves_it_detached() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let ready = stage.bindings();
    stage.process(77, "gdb", "/dev/vfio/8");
    stage.journal();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.bindings(), ready);
    let said = stage.journal();
    let why = because(
        &["gdb (pid 77) uses /dev/vfio/8"],
        &["stop gdb (pid 77), or keep it from using this card"],
    );
    let why = why.replace("prepare", "restore");
    assert_eq!((said.len(), &said[0]["MESSAGE"]), (1, &why));
    fs::remove_dir_all(stage.host.path("proc/77")).expect("a process");
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("nobody uses it any more");
}

#[test]
fn release_restores_the_card_even_if_the_vendors_setting_changed() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let ready = stage.bindings();
    stage.host.write("etc/gpupt.toml", "what?\n");
    stage.journal();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.bindings(), ready);
    let said = stage.journal();
    let message = &said[0]["MESSAGE"];
    assert!(message.starts_with("the cards of rocks-33 were not restored: cannot parse "));
    assert!(message.ends_with("; run `gpupci recover`"), "{message}");
    stage.host.write("etc/gpupt.toml", "vendors = [\"1002\"]\n");
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("vendors that are no longer wanted");
}

#[test]
fn holder_of_a_card_is_forgotten_after_a_reboot() {
    let stage = Stage::manual();
    stage.host.write("proc/sys/kernel/random/boot_id", "one\n");
    stage.hook_ok(&guest(), "prepare");
    stage.host.write("proc/sys/kernel/random/boot_id", "two\n");
    let (ready, writes) = (stage.bindings(), stage.kernel.writes());
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.bindings(), ready);
    let second = Guest::other(1, &guest().devices);
    stage.hook_ok(&second, "prepare");
    assert_eq!(stage.kernel.writes(), writes);
}

/// The manual's host after `prepare` of its guest, with this script as `virsh`.
fn asking(virsh: &str) -> Stage {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    script(&stage.host.stand_in("virsh"), virsh);
    stage
}

const STARTING: &str = "0000:02:00 is prepared for a guest that may be starting; try again later\n";
const BACK: &str = "0000:02:00 is bound to its host drivers again\n";

#[test]
fn recover_leaves_the_card_of_a_guest_that_libvirt_is_starting() {
    for virsh in [
        "#!/bin/sh\necho running\n",
        "#!/bin/sh\necho paused\n",
        // virsh waits like this while a hook of the guest runs.
        "#!/bin/sh\nexec sleep 60\n",
    ] {
        let stage = asking(virsh);
        // The age of the start does not matter.
        age(&stage);
        assert_eq!(stage.host.line("recover").answer(), STARTING, "{virsh}");
        assert_eq!(stage.changed_bindings().len(), 2, "{virsh}");
    }
}

#[test]
fn recover_restores_the_card_of_a_guest_that_libvirt_does_not_run() {
    for virsh in [
        "#!/bin/sh\n[ $5 = c7a5fdbd-edaf-9455-926a-d65c16db1809 ] && echo shut off\n",
        "#!/bin/sh\necho crashed\n",
    ] {
        let stage = asking(virsh);
        assert_eq!(stage.host.line("recover").answer(), BACK, "{virsh}");
        stage.assert_restored(virsh);
    }
}

#[test]
fn recover_waits_a_minute_if_virsh_fails() {
    for virsh in [
        "#!/bin/sh\necho error: failed to connect to the hypervisor >&2; exit 1\n",
        "#!/bin/sh\necho \"error: failed to get domain '$5'\" >&2; exit 1\n",
        "#!/nowhere\n",
    ] {
        let stage = asking(virsh);
        assert_eq!(stage.host.line("recover").answer(), STARTING, "{virsh}");
        age(&stage);
        assert_eq!(stage.host.line("recover").answer(), BACK, "{virsh}");
        stage.assert_restored(virsh);
    }
}

#[test]
fn recover_counts_the_minute_from_the_last_card_of_the_guest() {
    let stage = Stage::manual();
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    stage.hook_ok(&both, "prepare");
    age(&stage);
    let told = STARTING.to_owned() + &STARTING.replace(":02:", ":03:");
    assert_eq!(stage.host.line("recover").answer(), told);
    assert_eq!(stage.changed_bindings().len(), 4);
}

#[test]
fn recover_asks_a_libvirt_that_does_not_answer_only_once() {
    let stage = Stage::manual();
    for (number, bus) in [(1, "02"), (2, "03")] {
        stage.hook_ok(&Guest::other(number, &hostdev(bus, 0)), "prepare");
    }
    let asked = stage.host.path("asked");
    let virsh = format!("#!/bin/sh\necho $5 >>{}\nexec sleep 60\n", asked.display());
    script(&stage.host.stand_in("virsh"), &virsh);
    let told = STARTING.to_owned() + &STARTING.replace(":02:", ":03:");
    assert_eq!(stage.host.line("recover").answer(), told);
    let asked = fs::read_to_string(asked).expect("it was asked");
    assert_eq!(asked.lines().count(), 1, "{asked}");
}

#[test]
fn release_reports_a_record_that_it_cannot_read() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    stage.host.write(RECORD, "{\"version\":2}");
    stage.journal();
    stage.hook_ok(&guest(), "release");
    let said = stage.journal();
    assert_eq!(said.len(), 1, "{said:?}");
    let line = &said[0]["MESSAGE"];
    let start = "cannot tell whether rocks-33 has this card: cannot parse ";
    assert!(line.starts_with(start), "{line}");
    assert!(line.ends_with("; run `gpupci recover`"), "{line}");
    assert_eq!(stage.changed_bindings().len(), 2, "it is left alone");
}

#[test]
fn card_of_a_guest_stays_detached_if_an_administrator_detaches_it_meanwhile() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let writes = stage.kernel.writes();
    for line in ["detach gpupci1 --dry-run", "detach gpupci1", "detach all"] {
        let said = stage.host.line(line);
        let note =
            "gpupci: guest rocks-33 has gpupci1; the card stays detached when the guest ends\n";
        assert!(said.stderr.contains(note), "{line}: {}", said.stderr);
        assert_eq!(said.code, Some(0), "{line}");
        let is_recorded = record(&stage)["holder"]["was_detached"] == true;
        assert_eq!(is_recorded, !line.ends_with("--dry-run"), "{line}");
    }
    assert_eq!(stage.kernel.writes()[..6], writes[..]);
    stage.host.line("attach gpupci2").answer();
    stage.hook_ok(&guest(), "release");
    assert_eq!(stage.changed_bindings().len(), 2);
    assert_eq!(record(&stage)["holder"], Value::Null);
    stage.host.line("attach gpupci1").answer();
    stage.assert_restored("the administrator attached it");
}
