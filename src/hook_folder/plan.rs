//! What is to be done, from what is there.

use crate::hook_folder::{Folder, HookBefore, HookEntry, HookFault, HookFolderState, Obstacle};
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the hook is, or will be.
    pub place: &'static str,
    /// In this order; nothing, where all is as it should be.
    pub steps: Vec<FileStep>,
}

/// One thing to do. Between any two, every hook that was to run can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
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
pub fn plan_install(state: &HookFolderState) -> Result<Plan, HookFault> {
    if !state.has_libvirt {
        return Err(HookFault::NoLibvirt);
    }
    let goes_inside = match state.version {
        Some(version) => version.runs_folder(),
        // Nobody knows: what every libvirt runs, unless somebody knew before.
        None => state.in_folder.is_ours(),
    };
    let obstacles = obstacles(state, goes_inside);
    if !obstacles.is_empty() {
        return Err(HookFault::InTheWay(obstacles));
    }
    let (place, found) = match goes_inside {
        true => (HOOK_IN_FOLDER, state.in_folder),
        false => (HOOK, state.hook),
    };
    let mut steps = Vec::new();
    let is_current = matches!(found, HookEntry::Ours { is_current: true });
    if !is_current {
        steps.extend((state.hooks == Folder::Missing).then_some(FileStep::MakeFolder(HOOKS)));
        let makes_folder = goes_inside && state.folder == Folder::Missing;
        steps.extend(makes_folder.then_some(FileStep::MakeFolder(HOOK_FOLDER)));
        steps.push(FileStep::Write);
        let keeps =
            !goes_inside && found == HookEntry::Foreign && state.before == HookBefore::Nothing;
        steps.extend(keeps.then_some(FileStep::Link {
            from: HOOK,
            to: HOOK_BEFORE,
        }));
        steps.push(FileStep::Move {
            from: HOOK_NEW,
            to: place,
        });
    }
    match goes_inside {
        true => steps.extend(restore_hook(state)),
        // It would run twice as soon as a newer libvirt comes.
        false => steps.extend(
            state
                .in_folder
                .is_ours()
                .then_some(FileStep::Remove(HOOK_IN_FOLDER)),
        ),
    }
    Ok(Plan { place, steps })
}

/// How the hook goes, and what was there before it comes back.
pub fn plan_uninstall(state: &HookFolderState) -> Vec<FileStep> {
    let mut steps = Vec::new();
    steps.extend(
        state
            .in_folder
            .is_ours()
            .then_some(FileStep::Remove(HOOK_IN_FOLDER)),
    );
    let is_free = state.hook == HookEntry::Nothing;
    let waits = matches!(state.before, HookBefore::Other | HookBefore::SameAsHook);
    let back = FileStep::Move {
        from: HOOK_BEFORE,
        to: HOOK,
    };
    match is_free && waits {
        true => steps.push(back),
        false => steps.extend(restore_hook(state)),
    }
    steps
}

/// How `hooks/qemu` becomes again what it was without us.
fn restore_hook(state: &HookFolderState) -> Option<FileStep> {
    match (state.hook, state.before) {
        (HookEntry::Ours { .. }, HookBefore::Nothing | HookBefore::Odd) => {
            Some(FileStep::Remove(HOOK))
        }
        (HookEntry::Ours { .. }, _) => Some(FileStep::Move {
            from: HOOK_BEFORE,
            to: HOOK,
        }),
        (HookEntry::Foreign, HookBefore::SameAsHook) => Some(FileStep::Remove(HOOK_BEFORE)),
        _ => None,
    }
}

/// What is in the way of the hook.
fn obstacles(state: &HookFolderState, goes_inside: bool) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    obstacles.extend(no_folder(HOOKS, &state.hooks));
    match goes_inside {
        true => {
            obstacles.extend(no_folder(HOOK_FOLDER, &state.folder));
            let what = match state.in_folder {
                HookEntry::Foreign => Some("a file that is not ours"),
                HookEntry::Odd(what) => Some(what),
                HookEntry::Nothing | HookEntry::Ours { .. } => None,
            };
            obstacles.extend(what.map(|what| taken(HOOK_IN_FOLDER, what)));
        }
        false => obstacles.extend(hook_obstacle(state)),
    }
    obstacles
}

fn hook_obstacle(state: &HookFolderState) -> Option<Obstacle> {
    match (state.hook, state.before) {
        (HookEntry::Odd(what), _) => Some(taken(HOOK, what)),
        (HookEntry::Foreign, HookBefore::Other | HookBefore::Odd) => Some(Obstacle {
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
