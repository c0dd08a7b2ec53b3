//! How it stands with the hook.

use std::path::PathBuf;
use std::time::Duration;

use crate::hook_install::{LibvirtVersion, SINGLE};
use crate::host::Machine;
use crate::readiness::HookFile;

/// A daemon that runs hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// `libvirtd`, or `virtqemud`.
    pub name: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it was started, in seconds since 1970.
    pub started_at: Option<u64>,
}

/// How it stands with the hook.
#[derive(Clone, Debug)]
pub struct HookStatus {
    /// Whether there is a libvirt.
    pub has_libvirt: bool,
    /// Which, where that can be told.
    pub version: Option<LibvirtVersion>,
    /// All hooks, in the order in which they are run.
    pub hooks: Vec<HookView>,
    /// The program that would be installed.
    pub program: Option<PathBuf>,
    /// The daemon that runs.
    pub daemon: Option<Daemon>,
    /// The daemon that runs, or would.
    pub daemon_name: &'static str,
    /// When libvirt ran our hook last, in seconds since 1970.
    pub seen_at: Option<u64>,
    /// When our hook came to its place, in seconds since 1970.
    pub put_at: Option<u64>,
    /// What time it is.
    pub now: u64,
}

/// A hook.
#[derive(Clone, Debug)]
pub struct HookView {
    /// What is known of it.
    pub file: HookFile,
    /// Whether it is the program that would be installed; for ours, where that is there.
    pub is_current: Option<bool>,
    /// Whether this libvirt runs it, or another hook does.
    pub is_run: bool,
    /// The hook that runs it.
    pub run_by: Option<&'static str>,
}

/// Looks how it stands with the hook.
pub fn status(machine: &Machine, deadline: Duration) -> HookStatus {
    let facts = machine.hook_facts();
    let program = machine.hook_program(None).ok();
    let version = machine.libvirt_version(deadline);
    let runs_folder = version.is_none_or(LibvirtVersion::runs_folder);
    let mut hooks = Vec::new();
    for mut file in facts.iter().flat_map(|facts| facts.files.clone()) {
        file.is_ours = machine.is_hook_of_ours(&file.path);
        let is_single = file.path == SINGLE;
        let chains = is_single && file.is_ours && file.is_executable;
        let content = program.as_ref().filter(|_| file.is_ours);
        let is_current = content.map(|p| machine.is_hook_like(&file.path, &p.content));
        let is_run = file.is_executable && file.is_direct && (is_single || runs_folder);
        hooks.push(HookView {
            is_current,
            is_run,
            run_by: None,
            file,
        });
        if let Some(file) = chains.then(|| machine.kept_hook()).flatten() {
            hooks.push(HookView {
                is_current: None,
                is_run: file.is_executable,
                run_by: Some(SINGLE),
                file,
            });
        }
    }
    let place = hooks.iter().find(|hook| hook.file.is_ours && hook.is_run);
    HookStatus {
        put_at: place.and_then(|hook| machine.hook_put_at(&hook.file.path)),
        has_libvirt: facts.is_some(),
        version,
        hooks,
        program: program.map(|program| program.path),
        daemon: machine.hook_daemons().into_iter().next(),
        daemon_name: facts.map_or("libvirtd", |facts| facts.daemon),
        seen_at: machine.hook_seen_at(),
        now: machine.now(),
    }
}

impl HookStatus {
    /// Our hook, if libvirt runs it.
    pub fn installed(&self) -> Option<&HookView> {
        let mut hooks = self.hooks.iter();
        hooks.find(|hook| hook.file.is_ours && hook.is_run)
    }

    /// Whether the daemon that runs has run our hook; nothing where that cannot be told.
    pub fn is_seen(&self) -> Option<bool> {
        let started_at = self.daemon.as_ref()?.started_at?;
        Some(self.seen_at.is_some_and(|at| at >= started_at))
    }
}
