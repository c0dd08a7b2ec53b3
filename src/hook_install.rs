//! Installs the hook, removes it and reports its state: see, decide, act.

use std::path::Path;
use std::time::Duration;

use crate::escape::printable;
use crate::hook_folder::{
    FileStep, GpupciFacts, HookBefore, HookError, HookFile, HookStatus, HookView, LibvirtVersion,
    plan_install, plan_uninstall,
};
use crate::host::{HookFolder, Machine};
use crate::paths::{HOOK, HOOK_BEFORE, HOOK_NEW};
use crate::settings::Settings;

/// An installed hook.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Where it is.
    pub place: &'static str,
    /// Whether a gpupt hook was there before.
    pub was_there: bool,
    /// The steps that were taken. None if the hook was up to date.
    pub steps: Vec<FileStep>,
    /// Notes for the administrator.
    pub notes: Vec<String>,
}

/// A removed hook.
#[derive(Clone, Debug)]
pub struct Uninstalled {
    /// The steps that were taken. None if no hook was installed.
    pub steps: Vec<FileStep>,
    /// Notes for the administrator.
    pub notes: Vec<String>,
}

/// Installs the hook from the program `from`, or brings it up to date. `deadline` limits each other program that
/// this runs.
///
/// # Errors
/// Why it is not installed, and the state of the hook folder.
pub fn install(
    machine: &Machine,
    from: Option<&Path>,
    deadline: Duration,
) -> Result<Installed, HookError> {
    let failed = |fault| HookError::new("install", fault);
    let folder = HookFolder::of(machine);
    let program = folder.program(from).map_err(failed)?;
    let state = folder.state(Some(&program.content), deadline);
    let state = state.map_err(failed)?;
    let plan = plan_install(&state).map_err(failed)?;
    let executed = folder.execute(&plan.steps, &program.content);
    executed.map_err(failed)?;
    let is_new = |step: &FileStep| matches!(step, FileStep::Move { from: HOOK_NEW, .. });
    let was_there = match plan.place {
        HOOK => state.hook.is_ours(),
        _ => state.in_folder.is_ours(),
    };
    let mut notes = Vec::new();
    if plan.steps.iter().any(is_new) {
        notes.extend(folder.relabel(&plan.steps, deadline));
        if !was_there {
            folder.forget_last_run();
        }
    }
    let is_not_loaded = folder.has_loaded(plan.place) == Some(false);
    if !plan.steps.is_empty() || is_not_loaded {
        notes.extend(folder.reload_daemons(deadline));
    }
    notes.extend(copies(folder, plan.place));
    notes.extend(virsh_callers(folder));
    let gpupci = gpupci(machine);
    notes.extend(
        gpupci
            .problem()
            .map(|text| format!("{text}; try: {}", gpupci.remedy())),
    );
    Ok(Installed {
        place: plan.place,
        was_there,
        steps: plan.steps,
        notes,
    })
}

/// Removes the hook and restores the one that was there before.
///
/// # Errors
/// Why it was not removed, and the state of the hook folder.
pub fn uninstall(machine: &Machine, deadline: Duration) -> Result<Uninstalled, HookError> {
    let failed = |fault| HookError::new("uninstall", fault);
    let folder = HookFolder::of(machine);
    let state = folder.state(None, deadline).map_err(failed)?;
    let steps = plan_uninstall(&state);
    folder.execute(&steps, &[]).map_err(failed)?;
    folder.remove_created_folders();
    let mut notes = Vec::new();
    if !steps.is_empty() {
        notes.extend(folder.reload_daemons(deadline));
    }
    let is_left = steps.is_empty() && matches!(state.before, HookBefore::Other);
    notes.extend(is_left.then(|| {
        format!(
            "{} was kept: it differs from {HOOK}, which is not a gpupt hook",
            HOOK_BEFORE
        )
    }));
    notes.extend(copies(folder, ""));
    Ok(Uninstalled { steps, notes })
}

/// The state of the hook.
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
        put_at: place.and_then(|hook| folder.changed_at(&hook.file.path)),
        has_libvirt: facts.is_some(),
        version,
        hooks,
        program: program.map(|program| program.path),
        gpupci: gpupci(machine),
        daemon: folder.daemons().into_iter().next(),
        daemon_name: facts.map_or("libvirtd", |facts| facts.daemon),
        seen_at: folder.last_run(),
        now: machine.now(),
    }
}

/// The `gpupci` that our hook runs. Settings that cannot be read may name a cluster.
fn gpupci(machine: &Machine) -> GpupciFacts {
    let settings = Settings::of(machine).ok();
    let has_cluster = settings.is_none_or(|settings| settings.has_cluster(machine));
    HookFolder::of(machine).gpupci(has_cluster)
}

/// Notes about other copies of our hook that libvirt runs.
fn copies(folder: HookFolder, place: &str) -> Vec<String> {
    let facts = folder.facts().unwrap_or_default();
    let copies = facts.files.into_iter().filter(|file| {
        file.path != place && file.is_direct && file.is_executable && folder.is_ours(&file.path)
    });
    let still = match place {
        "" => "still",
        _ => "also",
    };
    let note = |file: HookFile| {
        let path = printable(file.path.as_bytes());
        format!("libvirt {still} runs {path}, a copy of the gpupt hook: remove it")
    };
    copies.map(note).collect()
}

/// Notes about other hooks that call `virsh`, which can deadlock.
fn virsh_callers(folder: HookFolder) -> Vec<String> {
    let facts = folder.facts().unwrap_or_default();
    let files = facts.files.into_iter().chain(folder.hook_before());
    let callers = files.filter(|file| file.calls_virsh && file.is_executable);
    let note = |file: HookFile| {
        let path = printable(file.path.as_bytes());
        format!(
            "{path} calls virsh: the start of a guest can hang for ever; remove the virsh calls from it"
        )
    };
    callers.map(note).collect()
}
