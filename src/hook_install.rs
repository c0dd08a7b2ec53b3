//! Installing and taking away: see, decide, act, tell.

use std::path::Path;
use std::time::Duration;

use crate::escape::printable;
use crate::hook_folder::HookFile;
use crate::hook_folder::{
    FileStep, HookBefore, HookError, HookFault, HookStatus, HookView, LibvirtVersion, plan_install,
    plan_uninstall,
};
use crate::host::{HookFolder, Machine};
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_NEW};

/// The hook is installed.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Where it is.
    pub place: &'static str,
    /// Whether there was an older one in that place.
    pub was_there: bool,
    /// What was done; nothing, where all was as it should be.
    pub steps: Vec<FileStep>,
    /// What its owner should know.
    pub notes: Vec<String>,
}

/// The hook is gone.
#[derive(Clone, Debug)]
pub struct Uninstalled {
    /// What was done; nothing, where it was not there.
    pub steps: Vec<FileStep>,
    /// What its owner should know.
    pub notes: Vec<String>,
}

/// Installs the hook whose program is `from`, or brings it up to date; every other program that this
/// starts may take as long as `deadline`.
///
/// # Errors
/// Why it is not installed, and how things stand.
pub fn install(
    machine: &Machine,
    from: Option<&Path>,
    deadline: Duration,
) -> Result<Installed, HookError> {
    let failed = |fault| HookError {
        verb: "install",
        fault,
    };
    let folder = HookFolder::of(machine);
    let program = folder.program(from).map_err(failed)?;
    let state = folder.state(Some(&program.content), deadline);
    let state = state.map_err(failed)?;
    let plan = plan_install(&state).map_err(failed)?;
    let taken = folder.take_steps(&plan.steps, &program.content);
    taken.map_err(failed)?;
    let is_new = |step: &FileStep| matches!(step, FileStep::Move { from: HOOK_NEW, .. });
    let was_there = match plan.place {
        HOOK => state.hook.is_ours(),
        _ => state.in_folder.is_ours(),
    };
    let mut notes = Vec::new();
    if plan.steps.iter().any(is_new) {
        notes.extend(folder.relabel(&plan.steps, deadline));
        if !was_there {
            folder.forget_seen();
        }
    }
    let is_unknown = folder.is_known(plan.place) == Some(false);
    if !plan.steps.is_empty() || is_unknown {
        notes.extend(folder.reload_daemons(deadline));
    }
    notes.extend(copies(folder, plan.place));
    notes.extend(callers_back(folder));
    Ok(Installed {
        place: plan.place,
        was_there,
        steps: plan.steps,
        notes,
    })
}

/// Takes the hook away; what was in its place before is there again.
///
/// # Errors
/// Why it is not gone, and how things stand.
pub fn uninstall(machine: &Machine, deadline: Duration) -> Result<Uninstalled, HookError> {
    let failed = |fault: HookFault| HookError {
        verb: "uninstall",
        fault,
    };
    let folder = HookFolder::of(machine);
    let state = folder.state(None, deadline).map_err(failed)?;
    let steps = plan_uninstall(&state);
    folder.take_steps(&steps, &[]).map_err(failed)?;
    folder.tidy();
    let mut notes = Vec::new();
    if !steps.is_empty() {
        notes.extend(folder.reload_daemons(deadline));
    }
    let is_left = steps.is_empty() && matches!(state.before, HookBefore::Other);
    notes.extend(is_left.then(|| {
        format!(
            "{} stays: it differs from {HOOK}, which is not ours",
            HOOK_BEFORE
        )
    }));
    notes.extend(copies(folder, ""));
    Ok(Uninstalled { steps, notes })
}

/// Looks how it stands with the hook.
pub fn status(machine: &Machine, deadline: Duration) -> HookStatus {
    let folder = HookFolder::of(machine);
    let facts = folder.facts();
    let program = folder.program(None).ok();
    let version = folder.libvirt_version(deadline);
    let runs_folder = version.is_none_or(LibvirtVersion::runs_folder);
    let mut hooks = Vec::new();
    for mut file in facts.iter().flat_map(|facts| facts.files.clone()) {
        file.is_ours = folder.is_ours(&file.path);
        let is_single = file.path == HOOK;
        let chains = is_single && file.is_ours && file.is_executable;
        let content = program.as_ref().filter(|_| file.is_ours);
        let is_current = content.map(|p| folder.has_content(&file.path, &p.content));
        let is_run = file.is_executable && file.is_direct && (is_single || runs_folder);
        hooks.push(HookView {
            is_current,
            is_run,
            run_by: None,
            file,
        });
        if let Some(file) = chains.then(|| folder.hook_before()).flatten() {
            hooks.push(HookView {
                is_current: None,
                is_run: file.is_executable,
                run_by: Some(HOOK),
                file,
            });
        }
    }
    let place = hooks.iter().find(|hook| hook.file.is_ours && hook.is_run);
    HookStatus {
        put_at: place.and_then(|hook| folder.put_at(&hook.file.path)),
        has_libvirt: facts.is_some(),
        version,
        hooks,
        program: program.map(|program| program.path),
        daemon: folder.daemons().into_iter().next(),
        daemon_name: facts.map_or("libvirtd", |facts| facts.daemon),
        seen_at: folder.seen_at(),
        now: machine.now(),
    }
}

/// What to say about other copies of our hook that libvirt runs.
fn copies(folder: HookFolder, place: &str) -> Vec<String> {
    let facts = folder.facts().unwrap_or_default();
    let copies = facts.files.into_iter().filter(|file| {
        file.path != place && file.is_direct && file.is_executable && folder.is_ours(&file.path)
    });
    let words = match place {
        "" => "libvirt still runs",
        _ => "libvirt also runs",
    };
    let note = |file: HookFile| {
        let path = printable(file.path.as_bytes());
        format!("{words} {path}, which is a copy of the hook: remove it")
    };
    copies.map(note).collect()
}

/// What to say about hooks of others that call libvirt back.
fn callers_back(folder: HookFolder) -> Vec<String> {
    let facts = folder.facts().unwrap_or_default();
    let files = facts.files.into_iter().chain(folder.hook_before());
    let callers = files.filter(|file| file.calls_virsh && file.is_executable);
    let note = |file: HookFile| {
        let path = printable(file.path.as_bytes());
        format!("{path} runs virsh: the start of a guest can hang for ever; take virsh out of it")
    };
    callers.map(note).collect()
}
