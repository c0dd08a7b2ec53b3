//! A group has one owner: who has its node open, or is about to.

use std::fs;

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::guests::{Guest, hostdev};
use crate::host_tree::regroup;
use crate::stage::{Stage, because};
use crate::support::TestHost;
use crate::support::kernel::Work;
use crate::{AUDIO, VIDEO};

const RECORD: &str = "run/gpupt/cards/0000:02:00.json";
const STATE: &str = "run/libvirt/qemu/rocks-33.xml";

/// The guest of the manual, with the first card.
fn first() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// Another guest with the same card.
fn second() -> Guest {
    Guest::other(1, &hostdev("02", 0))
}

/// The manual's host after the start of its guest.
fn started() -> Stage {
    let stage = Stage::manual();
    stage.hook_ok(&first(), "prepare");
    runs(&stage, "/dev/kvm");
    stage
}

/// The guest's QEMU, which has this file open.
fn runs(stage: &Stage, open: &str) {
    stage.host.write("run/libvirt/qemu/rocks-33.pid", "77\n");
    drop(fs::remove_dir_all(stage.host.path("proc/77")));
    stage.process(77, "qemu-kvm", open);
}

/// The manual's host, whose two cards share group 8.
fn pair() -> Stage {
    let host = TestHost::unpacked("manual.tree");
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        regroup(&host, function, Some(8));
    }
    Stage::on(host)
}

fn assert_held(stage: &Stage) {
    let why = because(
        &["guest rocks-33 has this card"],
        &["shut down guest rocks-33; if it is not running, run `gpupci recover`"],
    );
    stage.assert_refused(&second(), &why);
}

#[test]
fn card_that_was_unplugged_from_a_running_guest_is_free() {
    for is_managed in [false, true] {
        let stage = started();
        if is_managed {
            // libvirt gives the function back that it knows.
            stage
                .kernel
                .administrator_overrides(VIDEO, None)
                .administrator_binds(VIDEO, Some("nvidia"));
        }
        stage.hook_ok(&second(), "prepare");
        assert_eq!(stage.changed_bindings().len(), 2);
        // The first guest has nothing to give back any more.
        let kept = fs::read_to_string(stage.host.path(RECORD)).expect("a record");
        stage.hook_ok(&first(), "release");
        assert_eq!(fs::read_to_string(stage.host.path(RECORD)).ok(), Some(kept));
        stage.hook_ok(&second(), "release");
        stage.assert_restored("the second guest has ended");
    }
}

#[test]
fn attach_and_recover_restore_a_card_that_was_unplugged() {
    for line in ["attach gpupci1", "recover"] {
        let stage = started();
        stage.host.line(line).answer();
        stage.assert_restored(line);
    }
}

#[test]
fn card_of_a_guest_that_has_its_group_open_is_held() {
    let stage = started();
    stage.kernel.guest_takes("8").expect("a viable group");
    runs(&stage, "/dev/vfio/8");
    assert_held(&stage);
    let mut record: Value =
        serde_json::from_str(&fs::read_to_string(stage.host.path(RECORD)).expect("a record"))
            .expect("JSON");
    record["holder"]["since"] = Value::from(1);
    stage.host.write(RECORD, &record.to_string());
    assert_held(&stage);
    assert_eq!(stage.host.line("attach gpupci1").code, Some(4));
    let said = stage.host.line("recover").answer();
    assert_eq!(said, "0000:02:00 is detached; nothing to recover\n");
}

/// Makes the record old, as if `prepare` had run long ago.
fn age(stage: &Stage) {
    let text = fs::read_to_string(stage.host.path(RECORD)).expect("a record");
    let mut record: Value = serde_json::from_str(&text).expect("JSON");
    record["holder"]["since"] = Value::from(1);
    stage.host.write(RECORD, &record.to_string());
}

/// This test is the daemon that runs the hook; it started at this tick.
fn daemon_since(stage: &Stage, tick: u32) {
    let pid = std::process::id();
    let folder = format!("proc/{pid}");
    drop(fs::remove_dir_all(stage.host.path(&folder)));
    stage.process(pid, "virtqemud", "/dev/null");
    let fields = "0 ".repeat(18);
    let stat = format!("{pid} (a) b) S {fields}{tick} 0 0\n");
    stage.host.write(&format!("{folder}/stat"), &stat);
}

#[test]
fn card_of_a_guest_whose_start_takes_long_is_held_while_its_daemon_lives() {
    let stage = Stage::manual();
    daemon_since(&stage, 4711);
    stage.hook_ok(&first(), "prepare");
    age(&stage);
    assert_held(&stage);
    // A process id is used again.
    daemon_since(&stage, 4712);
    stage.hook_ok(&second(), "prepare");
    stage.hook_ok(&second(), "release");
    stage.assert_restored("the daemon of the first guest died");
}

#[test]
fn card_that_could_not_be_restored_waits_for_no_other_release() {
    let stage = Stage::manual();
    daemon_since(&stage, 4711);
    stage.hook_ok(&first(), "prepare");
    age(&stage);
    stage.kernel.on_probe(("nvidia", VIDEO), Work::refuses());
    stage.hook_ok(&first(), "release");
    assert_eq!(stage.records().len(), 1, "it was not restored");
    stage.hook_ok(&second(), "prepare");
}

#[test]
fn no_guest_starts_for_ever_because_the_clock_stepped_back() {
    let stage = Stage::manual();
    stage.hook_ok(&first(), "prepare");
    let record = fs::read_to_string(stage.host.path(RECORD)).expect("a record");
    let mut record: Value = serde_json::from_str(&record).expect("JSON");
    record["holder"]["since"] = Value::from(u64::MAX);
    stage.host.write(RECORD, &record.to_string());
    stage.hook_ok(&second(), "prepare");
}

#[test]
fn card_of_a_guest_that_is_starting_is_held() {
    let stage = Stage::manual();
    stage.hook_ok(&first(), "prepare");
    assert_held(&stage);
    // libvirt's own process, before it becomes a QEMU.
    runs(&stage, "/dev/null");
    stage.host.write("proc/77/comm", "rpc-virtqemud\n");
    assert_held(&stage);
    // A QEMU that takes long to get its memory.
    runs(&stage, "/dev/kvm");
    let state = "<domstatus state='paused' reason='starting up' pid='77'>\n</domstatus>\n";
    stage.host.write(STATE, state);
    let record = fs::read_to_string(stage.host.path(RECORD)).expect("a record");
    let mut record: Value = serde_json::from_str(&record).expect("JSON");
    record["holder"]["since"] = Value::from(1);
    stage.host.write(RECORD, &record.to_string());
    assert_held(&stage);
    assert_eq!(stage.host.line("attach gpupci1").code, Some(4));
    let said = stage.host.line("recover").answer();
    assert_eq!(
        said,
        "0000:02:00 is prepared for a guest that may be starting; try again later\n"
    );
    // What cannot be read is no sign that it runs.
    let file = stage.host.path(STATE);
    fs::remove_file(&file).expect("a state");
    fs::create_dir(&file).expect("a folder");
    assert_held(&stage);
    fs::remove_dir(&file).expect("a folder");
    stage
        .host
        .write(STATE, &state.replace("starting up", "user"));
    stage.hook_ok(&second(), "prepare");
}

#[test]
fn prepare_refuses_a_card_whose_group_another_guest_has() {
    let stage = pair();
    stage.host.line("detach gpupci1 gpupci2").answer();
    stage.hook_ok(&first(), "prepare");
    let other = Guest::other(1, &hostdev("03", 0));
    let why = because(
        &["guest rocks-33 has 0000:02:00.0 of gpupci1, which shares IOMMU group 8 with it"],
        &["give both to the same guest, or shut down guest rocks-33"],
    );
    let why = why.replace("gpupci1 (0000:02:00)", "gpupci2 (0000:03:00)");
    stage.assert_refused(&other, &why);
    runs(&stage, "/dev/vfio/8");
    stage.kernel.guest_takes("8").expect("a viable group");
    stage.assert_refused(&other, &why);
    // The first guest may have both, and the other one once the first has ended.
    stage.kernel.guest_leaves("8");
    fs::remove_dir_all(stage.host.path("proc/77")).expect("a process");
    stage.hook_ok(&first(), "release");
    stage.hook_ok(&other, "prepare");
    stage.hook_ok(&other, "release");
    let both = Guest::with(&(hostdev("02", 0) + &hostdev("03", 0)));
    stage.hook_ok(&both, "prepare");
}

#[test]
fn prepare_refuses_a_detached_card_whose_group_another_process_has_open() {
    let stage = pair();
    stage.host.line("detach gpupci1 gpupci2").answer();
    stage.kernel.guest_takes("8").expect("a viable group");
    stage.process(78, "qemu-system-x86", "/dev/vfio/8");
    let why = because(
        &["qemu-system-x86 (pid 78) uses /dev/vfio/8"],
        &["stop qemu-system-x86 (pid 78), or keep it from using this card"],
    );
    stage.assert_refused(&first(), &why);
    stage.kernel.guest_leaves("8");
    fs::remove_dir_all(stage.host.path("proc/78")).expect("a process");
    stage.hook_ok(&first(), "prepare");
}

#[test]
fn prepare_refuses_a_group_that_is_open_although_its_node_is_not_in_dev() {
    let stage = pair();
    stage.host.line("detach gpupci1 gpupci2").answer();
    stage.kernel.guest_takes("8").expect("a viable group");
    stage.process(78, "qemu-system-x86", "/dev/vfio/8");
    // As in a container. sysfs shows the same there as on the host.
    fs::remove_file(stage.host.path("dev/vfio/8")).expect("a node");
    stage.host.write("sys/class/vfio/8/dev", "243:0\n");
    let why = because(
        &["qemu-system-x86 (pid 78) uses /dev/vfio/8"],
        &["stop qemu-system-x86 (pid 78), or keep it from using this card"],
    );
    stage.assert_refused(&first(), &why);
}

#[test]
fn prepare_refuses_a_group_that_is_switched_on_if_the_processes_cannot_be_seen() {
    let stage = pair();
    stage.host.line("detach gpupci1 gpupci2").answer();
    stage.kernel.guest_takes("8").expect("a viable group");
    stage.process(78, "qemu-system-x86", "/dev/vfio/8");
    fs::remove_dir_all(stage.host.path("proc/78/fd")).expect("a folder");
    stage.host.write("proc/78/fd", "");
    let said = stage.hook(&first(), "prepare");
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    // Without a function that is switched on there is nothing to look for.
    stage.kernel.guest_leaves("8");
    stage.hook_ok(&first(), "prepare");
    let audio = stage
        .host
        .path(&format!("sys/bus/pci/devices/{AUDIO}/enable"));
    assert_eq!(fs::read_to_string(audio).ok().as_deref(), Some("0\n"));
}
