use super::*;
use crate::hook_folder::LibvirtVersion;
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};
use pretty_assertions::assert_eq;

const OURS: Found = Found::Ours { is_current: false };
const CURRENT: Found = Found::Ours { is_current: true };
const LINK: Step = Step::Link {
    from: HOOK,
    to: HOOK_BEFORE,
};
const BACK: Step = Step::Move {
    from: HOOK_BEFORE,
    to: HOOK,
};

fn put(to: &'static str) -> Step {
    Step::Move { from: HOOK_NEW, to }
}

/// A libvirt of this version, with these in the places of hooks.
fn scene(version: &str, single: Found, inside: Found, kept: Kept) -> Scene {
    Scene {
        has_libvirt: true,
        version: LibvirtVersion::told(version),
        hooks: Folder::There,
        folder: Folder::There,
        single,
        inside,
        kept,
    }
}

#[track_caller]
fn installs(scene: &Scene, steps: &[Step]) {
    let plan = plan_install(scene).expect("it can be installed");
    assert_eq!(plan.steps, steps);
}

#[test]
fn a_new_libvirt_gets_a_file_of_its_own() {
    for single in [Found::Nothing, Found::Foreign, Found::Odd("a folder")] {
        let scene = scene("9.0.0", single, Found::Nothing, Kept::Nothing);
        installs(&scene, &[Step::Write, put(HOOK_IN_FOLDER)]);
    }
    let empty = Scene {
        hooks: Folder::Missing,
        folder: Folder::Missing,
        ..scene("9.0.0", Found::Nothing, Found::Nothing, Kept::Nothing)
    };
    let folders = [Step::MakeFolder(HOOKS), Step::MakeFolder(HOOK_FOLDER)];
    installs(
        &empty,
        &[&folders[..], &[Step::Write, put(HOOK_IN_FOLDER)]].concat(),
    );
    let current = scene("9.0.0", Found::Foreign, CURRENT, Kept::Nothing);
    installs(&current, &[]);
}

#[test]
fn an_old_libvirt_gets_the_one_file_and_the_other_hook_is_kept() {
    for version in ["4.5.0", "unknown"] {
        let free = scene(version, Found::Nothing, Found::Nothing, Kept::Nothing);
        installs(&free, &[Step::Write, put(HOOK)]);
        let taken = scene(version, Found::Foreign, Found::Nothing, Kept::Nothing);
        installs(&taken, &[Step::Write, LINK, put(HOOK)]);
        // Whoever began it was interrupted.
        let begun = scene(version, Found::Foreign, Found::Nothing, Kept::SameAsSingle);
        installs(&begun, &[Step::Write, put(HOOK)]);
        let older = scene(version, OURS, Found::Nothing, Kept::Other);
        installs(&older, &[Step::Write, put(HOOK)]);
        let current = scene(version, CURRENT, Found::Nothing, Kept::Other);
        installs(&current, &[]);
    }
}

#[test]
fn the_hook_follows_libvirt() {
    let newer = scene("9.0.0", CURRENT, Found::Nothing, Kept::Other);
    installs(&newer, &[Step::Write, put(HOOK_IN_FOLDER), BACK]);
    let newer = scene("9.0.0", CURRENT, OURS, Kept::Nothing);
    installs(
        &newer,
        &[Step::Write, put(HOOK_IN_FOLDER), Step::Remove(HOOK)],
    );
    let older = scene("4.5.0", Found::Nothing, OURS, Kept::Nothing);
    installs(
        &older,
        &[Step::Write, put(HOOK), Step::Remove(HOOK_IN_FOLDER)],
    );
    let unknown = scene("unknown", Found::Nothing, OURS, Kept::Nothing);
    installs(&unknown, &[Step::Write, put(HOOK_IN_FOLDER)]);
}

#[track_caller]
fn refuses(scene: &Scene, parts: &[&str]) {
    let refused = plan_install(scene);
    let Err(HookFault::InTheWay(obstacles)) = refused else {
        panic!("it is refused: {refused:?}");
    };
    assert_eq!(obstacles.len(), parts.len(), "{obstacles:?}");
    for (obstacle, part) in obstacles.iter().zip(parts) {
        assert!(obstacle.text.contains(part), "{obstacle:?}");
    }
}

#[test]
fn what_is_not_ours_stays() {
    for (single, inside, kept, version, part) in [
        (
            Found::Nothing,
            Found::Foreign,
            Kept::Nothing,
            "9.0.0",
            "qemu.d/gpupt is a file",
        ),
        (
            Found::Nothing,
            Found::Odd("a folder"),
            Kept::Nothing,
            "9.0.0",
            "gpupt is a folder",
        ),
        (
            Found::Odd("a folder"),
            Found::Nothing,
            Kept::Nothing,
            "4.5.0",
            "qemu is a folder",
        ),
        (
            Found::Foreign,
            Found::Nothing,
            Kept::Other,
            "4.5.0",
            "is taken",
        ),
        (
            Found::Foreign,
            Found::Nothing,
            Kept::Odd,
            "4.5.0",
            "is taken",
        ),
    ] {
        refuses(&scene(version, single, inside, kept), &[part]);
    }
    let linked = Scene {
        hooks: Folder::Not("a file".to_owned()),
        folder: Folder::Not("a link to /srv".to_owned()),
        ..scene("9.0.0", Found::Nothing, Found::Nothing, Kept::Nothing)
    };
    refuses(&linked, &["hooks is a file;", "qemu.d is a link to /srv;"]);
    let without = Scene {
        has_libvirt: false,
        ..linked
    };
    assert!(matches!(plan_install(&without), Err(HookFault::NoLibvirt)));
}

#[test]
fn what_was_there_comes_back() {
    for (single, inside, kept, steps) in [
        (Found::Nothing, Found::Nothing, Kept::Nothing, vec![]),
        (Found::Foreign, Found::Foreign, Kept::Other, vec![]),
        (
            Found::Foreign,
            OURS,
            Kept::Nothing,
            vec![Step::Remove(HOOK_IN_FOLDER)],
        ),
        (
            OURS,
            Found::Nothing,
            Kept::Nothing,
            vec![Step::Remove(HOOK)],
        ),
        (OURS, Found::Nothing, Kept::Odd, vec![Step::Remove(HOOK)]),
        (OURS, Found::Nothing, Kept::Other, vec![BACK]),
        (Found::Nothing, Found::Nothing, Kept::Other, vec![BACK]),
        (
            Found::Foreign,
            Found::Nothing,
            Kept::SameAsSingle,
            vec![Step::Remove(HOOK_BEFORE)],
        ),
        (
            CURRENT,
            CURRENT,
            Kept::Other,
            vec![Step::Remove(HOOK_IN_FOLDER), BACK],
        ),
    ] {
        let scene = scene("9.0.0", single, inside, kept);
        assert_eq!(plan_uninstall(&scene), steps, "{scene:?}");
    }
}
