use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use super::*;
use crate::host::Machine;
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};

const PROGRAM: &[u8] = b"\x7fELF gpupt";

fn machine(files: &[(&str, &str)]) -> (TempDir, Machine) {
    let root = tempfile::tempdir().expect("a folder");
    let machine = Machine::at(root.path());
    fs::create_dir_all(machine.path(HOOK_FOLDER)).expect("folders");
    for (path, content) in files {
        fs::write(machine.path(path), content).expect("a file");
    }
    (root, machine)
}

/// Every file below the hook folder, with its inode and content.
fn files(machine: &Machine) -> Vec<(String, u64, String)> {
    let mut files = Vec::new();
    for folder in [HOOKS, HOOK_FOLDER] {
        for name in machine.children(folder) {
            let path = format!("{folder}/{name}");
            let facts = machine.path(&path).symlink_metadata().expect("facts");
            let content = machine.text(&path).unwrap_or_default();
            files.push((path, facts.ino(), content));
        }
    }
    files
}

/// A step that always fails.
const NEVER: FileStep = FileStep::Move {
    from: "/etc/libvirt/hooks/nothing",
    to: "/etc/libvirt/hooks/nowhere",
};
const LINK: FileStep = FileStep::Link {
    from: HOOK,
    to: HOOK_BEFORE,
};
const BACK: FileStep = FileStep::Move {
    from: HOOK_BEFORE,
    to: HOOK,
};

fn put(to: &'static str) -> FileStep {
    FileStep::Move { from: HOOK_NEW, to }
}

/// Asserts that a failure after each of these steps restores all files.
#[track_caller]
fn undoes(existing: &[(&str, &str)], steps: &[FileStep]) {
    for count in 0..=steps.len() {
        let (_root, machine) = machine(existing);
        let before = files(&machine);
        let mut steps = steps[..count].to_vec();
        steps.push(NEVER);
        let failed = HookFolder::of(&machine).execute(&steps, PROGRAM);
        assert!(matches!(failed, Err(HookFault::Write { .. })), "{failed:?}");
        assert_eq!(files(&machine), before, "{steps:?}");
    }
}

#[test]
fn a_failure_after_any_step_is_undone() {
    undoes(&[], &[FileStep::Write, put(HOOK_IN_FOLDER)]);
    undoes(
        &[(HOOK_IN_FOLDER, "older")],
        &[FileStep::Write, put(HOOK_IN_FOLDER)],
    );
    undoes(&[(HOOK, "foreign")], &[FileStep::Write, LINK, put(HOOK)]);
    let both = [(HOOK, "older"), (HOOK_BEFORE, "foreign")];
    undoes(&both, &[FileStep::Write, put(HOOK_IN_FOLDER), BACK]);
    undoes(
        &both,
        &[FileStep::Remove(HOOK), FileStep::Remove(HOOK_BEFORE)],
    );
    undoes(
        &[(HOOK_IN_FOLDER, "ours")],
        &[FileStep::Remove(HOOK_IN_FOLDER)],
    );
}

#[test]
fn undo_removes_a_folder_that_was_created() {
    let (_root, machine) = machine(&[]);
    fs::remove_dir_all(machine.path(HOOKS)).expect("it goes");
    let folders = [
        FileStep::MakeFolder(HOOKS),
        FileStep::MakeFolder(HOOK_FOLDER),
    ];
    let steps = [&folders[..], &[FileStep::Write, put(HOOK_IN_FOLDER), NEVER]].concat();
    HookFolder::of(&machine)
        .execute(&steps, PROGRAM)
        .expect_err("no");
    assert!(!machine.exists(HOOKS) && !machine.exists(CREATED_FOLDERS));
    HookFolder::of(&machine)
        .execute(&steps[..4], PROGRAM)
        .expect("done");
    assert_eq!(
        machine.text(CREATED_FOLDERS),
        Some(format!("{HOOKS}\n{HOOK_FOLDER}\n"))
    );
    HookFolder::of(&machine)
        .execute(&[FileStep::Remove(HOOK_IN_FOLDER)], &[])
        .expect("done");
    HookFolder::of(&machine).remove_created_folders();
    assert!(!machine.exists(HOOKS) && !machine.exists(STATE));
}

#[test]
fn other_hook_that_is_a_link_is_kept_as_a_link() {
    let (_root, machine) = machine(&[]);
    symlink("nowhere", machine.path(HOOK)).expect("a link");
    let before = files(&machine);
    let steps = [FileStep::Write, LINK, put(HOOK)];
    HookFolder::of(&machine)
        .execute(&steps, PROGRAM)
        .expect("done");
    let kept = fs::read_link(machine.path(HOOK_BEFORE)).expect("a link");
    assert_eq!(kept.to_str(), Some("nowhere"));
    HookFolder::of(&machine)
        .execute(&[BACK], &[])
        .expect("done");
    assert_eq!(files(&machine), before);
}

#[test]
fn failed_undo_is_reported_with_its_path() {
    let (root, machine) = machine(&[]);
    let undo = Undo::Remove(HOOK_FOLDER.to_owned());
    let said = HookFolder::of(&machine)
        .undo(&undo)
        .expect_err("a folder is no file");
    let path = root.path().join("etc/libvirt/hooks/qemu.d");
    assert!(said.starts_with(&format!("{} could not be restored (", path.display())));
}
