//! What is to be done, from what is there.

use crate::hook_folder::{Folder, Found, HookFault, Kept, Obstacle, Scene};
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the hook is, or will be.
    pub place: &'static str,
    /// In this order; nothing, where all is as it should be.
    pub steps: Vec<Step>,
}

/// One thing to do. Between any two, every hook that was to run can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A folder is made.
    MakeFolder(&'static str),
    /// The program is written as `NEW`.
    Write,
    /// A file gets a second name.
    Link {
        /// Its name.
        from: &'static str,
        /// The second one, which is free.
        to: &'static str,
    },
    /// A file gets another name, and takes the place of what had it.
    Move {
        /// Its name.
        from: &'static str,
        /// Its new name.
        to: &'static str,
    },
    /// A file is removed.
    Remove(&'static str),
}

/// How the hook comes to its place.
///
/// # Errors
/// Why it cannot.
pub fn plan_install(scene: &Scene) -> Result<Plan, HookFault> {
    if !scene.has_libvirt {
        return Err(HookFault::NoLibvirt);
    }
    let goes_inside = match scene.version {
        Some(version) => version.runs_folder(),
        // Nobody knows: what every libvirt runs, unless somebody knew before.
        None => scene.inside.is_ours(),
    };
    let obstacles = obstacles(scene, goes_inside);
    if !obstacles.is_empty() {
        return Err(HookFault::InTheWay(obstacles));
    }
    let (place, found) = match goes_inside {
        true => (HOOK_IN_FOLDER, scene.inside),
        false => (HOOK, scene.single),
    };
    let mut steps = Vec::new();
    let is_current = matches!(found, Found::Ours { is_current: true });
    if !is_current {
        steps.extend((scene.hooks == Folder::Missing).then_some(Step::MakeFolder(HOOKS)));
        let makes_folder = goes_inside && scene.folder == Folder::Missing;
        steps.extend(makes_folder.then_some(Step::MakeFolder(HOOK_FOLDER)));
        steps.push(Step::Write);
        let keeps = !goes_inside && found == Found::Foreign && scene.kept == Kept::Nothing;
        steps.extend(keeps.then_some(Step::Link {
            from: HOOK,
            to: HOOK_BEFORE,
        }));
        steps.push(Step::Move {
            from: HOOK_NEW,
            to: place,
        });
    }
    match goes_inside {
        true => steps.extend(leave_single(scene)),
        // It would run twice as soon as a newer libvirt comes.
        false => steps.extend(
            scene
                .inside
                .is_ours()
                .then_some(Step::Remove(HOOK_IN_FOLDER)),
        ),
    }
    Ok(Plan { place, steps })
}

/// How the hook goes, and what was there before it comes back.
pub fn plan_uninstall(scene: &Scene) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(
        scene
            .inside
            .is_ours()
            .then_some(Step::Remove(HOOK_IN_FOLDER)),
    );
    let is_free = scene.single == Found::Nothing;
    let waits = matches!(scene.kept, Kept::Other | Kept::SameAsSingle);
    let back = Step::Move {
        from: HOOK_BEFORE,
        to: HOOK,
    };
    match is_free && waits {
        true => steps.push(back),
        false => steps.extend(leave_single(scene)),
    }
    steps
}

/// How `hooks/qemu` becomes again what it was without us.
fn leave_single(scene: &Scene) -> Option<Step> {
    match (scene.single, scene.kept) {
        (Found::Ours { .. }, Kept::Nothing | Kept::Odd) => Some(Step::Remove(HOOK)),
        (Found::Ours { .. }, _) => Some(Step::Move {
            from: HOOK_BEFORE,
            to: HOOK,
        }),
        (Found::Foreign, Kept::SameAsSingle) => Some(Step::Remove(HOOK_BEFORE)),
        _ => None,
    }
}

/// What is in the way of the hook.
fn obstacles(scene: &Scene, goes_inside: bool) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    obstacles.extend(no_folder(HOOKS, &scene.hooks));
    match goes_inside {
        true => {
            obstacles.extend(no_folder(HOOK_FOLDER, &scene.folder));
            let what = match scene.inside {
                Found::Foreign => Some("a file that is not ours"),
                Found::Odd(what) => Some(what),
                Found::Nothing | Found::Ours { .. } => None,
            };
            obstacles.extend(what.map(|what| taken(HOOK_IN_FOLDER, what)));
        }
        false => obstacles.extend(single_in_the_way(scene)),
    }
    obstacles
}

fn single_in_the_way(scene: &Scene) -> Option<Obstacle> {
    match (scene.single, scene.kept) {
        (Found::Odd(what), _) => Some(taken(HOOK, what)),
        (Found::Foreign, Kept::Other | Kept::Odd) => Some(Obstacle {
            text: format!(
                "{HOOK} is a hook that is not ours, and the name it would get, {HOOK_BEFORE}, is taken"
            ),
            remedy: format!(
                "compare the two; move one that is no longer needed away, {HOOK_BEFORE} if it is an older form of the other"
            ),
        }),
        _ => None,
    }
}

fn no_folder(path: &str, folder: &Folder) -> Option<Obstacle> {
    let Folder::Not(what) = folder else {
        return None;
    };
    Some(Obstacle {
        text: format!("{path} is {what}; libvirt's hooks have to lie in a real folder there"),
        remedy: format!("make {path} a folder that root owns, with the hooks in it"),
    })
}

fn taken(path: &str, what: &str) -> Obstacle {
    Obstacle {
        text: format!("{path} is {what}"),
        remedy: format!("look what {path} is for, and move it away"),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
