//! From the state of the hook folder to the steps that install or remove the hook.

use crate::hook_folder::{Folder, HookBefore, HookEntry, HookFault, HookFolderState, Obstacle};
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_FOLDER, HOOK_IN_FOLDER, HOOK_NEW, HOOKS};

/// How to install the hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the hook is installed.
    pub place: &'static str,
    /// The steps, in order. None if the hook is up to date.
    pub steps: Vec<FileStep>,
}

/// One change to a file. Between any two steps, libvirt can run every hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
    /// Make a folder.
    MakeFolder(&'static str),
    /// Write the program as `HOOK_NEW`.
    Write,
    /// Hard-link a file.
    Link {
        /// Its name.
        from: &'static str,
        /// Its second name, which does not exist yet.
        to: &'static str,
    },
    /// Rename a file over whatever has the new name.
    Move {
        /// Its name.
        from: &'static str,
        /// Its new name.
        to: &'static str,
    },
    /// Remove a file.
    Remove(&'static str),
}

/// The steps that install the hook or bring it up to date.
///
/// # Errors
/// Why it cannot.
pub fn plan_install(state: &HookFolderState) -> Result<Plan, HookFault> {
    if !state.has_libvirt {
        return Err(HookFault::NoLibvirt);
    }
    let goes_inside = match state.version {
        Some(version) => version.runs_folder(),
        // Every libvirt runs hooks/qemu; but a hook that is already in qemu.d stays there.
        None => state.in_folder.is_ours(),
    };
    let obstacles = obstacles(state, goes_inside);
    if !obstacles.is_empty() {
        return Err(HookFault::Obstructed(obstacles));
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
        // With a newer libvirt the hook would run twice.
        false => steps.extend(
            state
                .in_folder
                .is_ours()
                .then_some(FileStep::Remove(HOOK_IN_FOLDER)),
        ),
    }
    Ok(Plan { place, steps })
}

/// The steps that remove the hook and restore the one that was there before.
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

/// The step that makes `hooks/qemu` what it was before our hook.
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

/// Whatever prevents the installation.
fn obstacles(state: &HookFolderState, goes_inside: bool) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    obstacles.extend(no_folder(HOOKS, &state.hooks));
    match goes_inside {
        true => {
            obstacles.extend(no_folder(HOOK_FOLDER, &state.folder));
            let what = match state.in_folder {
                HookEntry::Foreign => Some("a file that is not a gpupt hook"),
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
                "{HOOK} is not a gpupt hook, and it cannot be kept as {HOOK_BEFORE}, which already exists"
            ),
            remedy: format!(
                "compare the two files and move away the one that you do not need; {HOOK_BEFORE} \
                 may be an older version of the other"
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
        text: format!("{path} is {what}, not a directory"),
        remedy: format!("make {path} a directory that root owns, with the hooks in it"),
    })
}

fn taken(path: &str, what: &str) -> Obstacle {
    Obstacle {
        text: format!("{path} is {what}"),
        remedy: format!("find out what {path} is for, then move it away"),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
