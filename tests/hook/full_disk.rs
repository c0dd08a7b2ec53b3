//! A file system that is full or read-only.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::{Stage, because};
use crate::support::{RunOutput, run};
use crate::{HOOK, silence};

fn guest() -> Guest {
    Guest::with(&hostdev("02", 0))
}

/// Runs the hook with a file size limit of 0, as on a full disk.
fn on_a_full_disk(stage: &Stage, operation: &str) -> RunOutput {
    let mut shell = Command::new("sh");
    let command = format!("trap '' XFSZ; ulimit -f 0; exec {HOOK} rocks-33 {operation} begin -");
    shell
        .args(["-c", &command])
        .env("GPUPT_ROOT", stage.host.root.path());
    run(&mut shell, guest().xml().as_bytes())
}

fn full(stage: &Stage) -> String {
    let record = stage.host.path("run/gpupt/cards/0000:02:00.json");
    let why = because(
        &[
            &format!("cannot write {}", record.display()),
            "File too large (os error 27)",
        ],
        &["check that the file system has free space and is writable"],
    );
    format!("gpupt: guest rocks-33 cannot start: {why}\n")
}

#[test]
fn prepare_refuses_the_card_on_a_full_disk() {
    let stage = Stage::manual();
    let said = on_a_full_disk(&stage, "prepare");
    assert_eq!((said.stderr, said.code), (full(&stage), Some(1)));
    assert_eq!(stage.kernel.writes(), [""; 0]);
    stage.assert_restored("a full disk");
    // Without a record, a card that was bound at boot would look free.
    stage.bind_at_boot();
    let said = on_a_full_disk(&stage, "prepare");
    assert_eq!((said.stderr, said.code), (full(&stage), Some(1)));
    assert_eq!(stage.records(), [""; 0], "not even half of one");
}

#[test]
fn release_on_a_full_disk_is_finished_later() {
    let stage = Stage::manual();
    stage.hook_ok(&guest(), "prepare");
    let (ready, writes) = (stage.bindings(), stage.kernel.writes());
    stage.journal();
    assert_eq!(on_a_full_disk(&stage, "release"), silence());
    assert_eq!(stage.bindings(), ready);
    assert_eq!(stage.kernel.writes(), writes);
    let record = stage.host.path("run/gpupt/cards/0000:02:00.json");
    let message = format!(
        "cannot restore gpupci1 (0000:02:00): cannot write {}; File too large (os \
         error 27). State: nothing was changed. Try: check that the file system has free space and is writable.",
        record.display()
    );
    let entries = stage.journal();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["MESSAGE"], message);
    assert_eq!(entries[0]["PRIORITY"], "3");
    assert_eq!(on_a_full_disk(&stage, "reconnect"), silence());
    stage.hook_ok(&guest(), "release");
    stage.assert_restored("there is room again");
}

#[test]
fn prepare_refuses_the_card_if_run_is_read_only() {
    let stage = Stage::manual();
    fs::remove_dir_all(stage.host.path("run")).expect("a folder");
    // A folder in which no file can be created.
    symlink("/proc/self", stage.host.path("run")).expect("a link");
    let said = stage.hook(&guest(), "prepare");
    assert_eq!(
        said.stderr,
        format!(
            "gpupt: guest rocks-33 cannot start: cannot prepare its cards: cannot open {}: \
             the path does not exist (os error 2). State: nothing was changed. Try: check that the file system has free space and is writable.\n",
            stage.host.path("run/gpupt/lock").display()
        )
    );
    assert_eq!((said.text(), said.code), (String::new(), Some(1)));
    for operation in ["release", "reconnect", "started"] {
        stage.hook_ok(&guest(), operation);
    }
    // A guest without cards starts.
    stage.hook_ok(&Guest::with(""), "prepare");
    assert_eq!(stage.kernel.writes(), [""; 0]);
}
