use super::*;
use crate::hook_folder::LibvirtVersion;
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};
use pretty_assertions::assert_eq;

const OURS: HookEntry = HookEntry::Ours { is_current: false };
const CURRENT: HookEntry = HookEntry::Ours { is_current: true };
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

/// A host with this version of libvirt and these entries at the paths of the hooks.
fn state(
    version: &str,
    hook: HookEntry,
    in_folder: HookEntry,
    before: HookBefore,
) -> HookFolderState {
    HookFolderState {
        has_libvirt: true,
        version: LibvirtVersion::of_daemon(version),
        hooks: Folder::There,
        folder: Folder::There,
        hook,
        in_folder,
        before,
    }
}

#[track_caller]
fn installs(state: &HookFolderState, steps: &[FileStep]) {
    let plan = plan_install(state).expect("it can be installed");
    assert_eq!(plan.steps, steps);
}

#[test]
fn plan_puts_the_hook_into_qemu_d_for_a_new_libvirt() {
    for single in [
        HookEntry::Nothing,
        HookEntry::Foreign,
        HookEntry::Odd("a directory"),
    ] {
        let state = state("9.0.0", single, HookEntry::Nothing, HookBefore::Nothing);
        installs(&state, &[FileStep::Write, put(HOOK_IN_FOLDER)]);
    }
    let empty = HookFolderState {
        hooks: Folder::Missing,
        folder: Folder::Missing,
        ..state(
            "9.0.0",
            HookEntry::Nothing,
            HookEntry::Nothing,
            HookBefore::Nothing,
        )
    };
    let folders = [
        FileStep::MakeFolder(HOOKS),
        FileStep::MakeFolder(HOOK_FOLDER),
    ];
    installs(
        &empty,
        &[&folders[..], &[FileStep::Write, put(HOOK_IN_FOLDER)]].concat(),
    );
    let current = state("9.0.0", HookEntry::Foreign, CURRENT, HookBefore::Nothing);
    installs(&current, &[]);
}

#[test]
fn plan_puts_the_hook_in_the_single_file_for_an_old_libvirt() {
    for version in ["4.5.0", "unknown"] {
        let free = state(
            version,
            HookEntry::Nothing,
            HookEntry::Nothing,
            HookBefore::Nothing,
        );
        installs(&free, &[FileStep::Write, put(HOOK)]);
        let taken = state(
            version,
            HookEntry::Foreign,
            HookEntry::Nothing,
            HookBefore::Nothing,
        );
        installs(&taken, &[FileStep::Write, LINK, put(HOOK)]);
        // An earlier install was interrupted.
        let begun = state(
            version,
            HookEntry::Foreign,
            HookEntry::Nothing,
            HookBefore::SameAsHook,
        );
        installs(&begun, &[FileStep::Write, put(HOOK)]);
        let older = state(version, OURS, HookEntry::Nothing, HookBefore::Other);
        installs(&older, &[FileStep::Write, put(HOOK)]);
        let current = state(version, CURRENT, HookEntry::Nothing, HookBefore::Other);
        installs(&current, &[]);
    }
}

#[test]
fn plan_moves_the_hook_when_the_libvirt_version_changed() {
    let newer = state("9.0.0", CURRENT, HookEntry::Nothing, HookBefore::Other);
    installs(&newer, &[FileStep::Write, put(HOOK_IN_FOLDER), BACK]);
    let newer = state("9.0.0", CURRENT, OURS, HookBefore::Nothing);
    installs(
        &newer,
        &[FileStep::Write, put(HOOK_IN_FOLDER), FileStep::Remove(HOOK)],
    );
    let older = state("4.5.0", HookEntry::Nothing, OURS, HookBefore::Nothing);
    installs(
        &older,
        &[FileStep::Write, put(HOOK), FileStep::Remove(HOOK_IN_FOLDER)],
    );
    let unknown = state("unknown", HookEntry::Nothing, OURS, HookBefore::Nothing);
    installs(&unknown, &[FileStep::Write, put(HOOK_IN_FOLDER)]);
}

#[track_caller]
fn refuses(state: &HookFolderState, parts: &[&str]) {
    let refused = plan_install(state);
    let Err(HookFault::Obstructed(obstacles)) = refused else {
        panic!("it is refused: {refused:?}");
    };
    assert_eq!(obstacles.len(), parts.len(), "{obstacles:?}");
    for (obstacle, part) in obstacles.iter().zip(parts) {
        assert!(obstacle.text.contains(part), "{obstacle:?}");
    }
}

#[test]
fn plan_refuses_to_replace_foreign_files() {
    for (single, inside, kept, version, part) in [
        (
            HookEntry::Nothing,
            HookEntry::Foreign,
            HookBefore::Nothing,
            "9.0.0",
            "qemu.d/gpupt is a file",
        ),
        (
            HookEntry::Nothing,
            HookEntry::Odd("a directory"),
            HookBefore::Nothing,
            "9.0.0",
            "gpupt is a directory",
        ),
        (
            HookEntry::Odd("a directory"),
            HookEntry::Nothing,
            HookBefore::Nothing,
            "4.5.0",
            "qemu is a directory",
        ),
        (
            HookEntry::Foreign,
            HookEntry::Nothing,
            HookBefore::Other,
            "4.5.0",
            "already exists",
        ),
        (
            HookEntry::Foreign,
            HookEntry::Nothing,
            HookBefore::Odd,
            "4.5.0",
            "already exists",
        ),
    ] {
        refuses(&state(version, single, inside, kept), &[part]);
    }
    let linked = HookFolderState {
        hooks: Folder::Not("a file".to_owned()),
        folder: Folder::Not("a link to /srv".to_owned()),
        ..state(
            "9.0.0",
            HookEntry::Nothing,
            HookEntry::Nothing,
            HookBefore::Nothing,
        )
    };
    refuses(
        &linked,
        &["hooks is a file, ", "qemu.d is a link to /srv, "],
    );
    let without = HookFolderState {
        has_libvirt: false,
        ..linked
    };
    assert!(matches!(plan_install(&without), Err(HookFault::NoLibvirt)));
}

#[test]
fn uninstall_plan_restores_the_other_hook() {
    for (single, inside, kept, steps) in [
        (
            HookEntry::Nothing,
            HookEntry::Nothing,
            HookBefore::Nothing,
            vec![],
        ),
        (
            HookEntry::Foreign,
            HookEntry::Foreign,
            HookBefore::Other,
            vec![],
        ),
        (
            HookEntry::Foreign,
            OURS,
            HookBefore::Nothing,
            vec![FileStep::Remove(HOOK_IN_FOLDER)],
        ),
        (
            OURS,
            HookEntry::Nothing,
            HookBefore::Nothing,
            vec![FileStep::Remove(HOOK)],
        ),
        (
            OURS,
            HookEntry::Nothing,
            HookBefore::Odd,
            vec![FileStep::Remove(HOOK)],
        ),
        (OURS, HookEntry::Nothing, HookBefore::Other, vec![BACK]),
        (
            HookEntry::Nothing,
            HookEntry::Nothing,
            HookBefore::Other,
            vec![BACK],
        ),
        (
            HookEntry::Foreign,
            HookEntry::Nothing,
            HookBefore::SameAsHook,
            vec![FileStep::Remove(HOOK_BEFORE)],
        ),
        (
            CURRENT,
            CURRENT,
            HookBefore::Other,
            vec![FileStep::Remove(HOOK_IN_FOLDER), BACK],
        ),
    ] {
        let state = state("9.0.0", single, inside, kept);
        assert_eq!(plan_uninstall(&state), steps, "{state:?}");
    }
}
