//! The state of the hook: installed, up to date, run by libvirt.

use std::path::PathBuf;

use crate::hook_folder::{GpupciFacts, HookFile, LibvirtVersion};

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

/// The state of the hook.
#[derive(Clone, Debug)]
pub struct HookStatus {
    /// Whether libvirt is installed.
    pub has_libvirt: bool,
    /// Its version, if that is known.
    pub version: Option<LibvirtVersion>,
    /// All hooks, in the order in which libvirt runs them.
    pub hooks: Vec<HookView>,
    /// The program that would be installed.
    pub program: Option<PathBuf>,
    /// The `gpupci` that our hook runs.
    pub gpupci: GpupciFacts,
    /// The daemon that runs.
    pub daemon: Option<Daemon>,
    /// The daemon that runs hooks on this host, running or not.
    pub daemon_name: &'static str,
    /// When libvirt ran our hook last, in seconds since 1970.
    pub seen_at: Option<u64>,
    /// When our hook was installed, in seconds since 1970.
    pub put_at: Option<u64>,
    /// The time of this report, in seconds since 1970.
    pub now: u64,
}

/// A hook.
#[derive(Clone, Debug)]
pub struct HookView {
    /// The file.
    pub file: HookFile,
    /// For our hook: whether it is up to date. `None` if the program to compare with is missing.
    pub is_current: Option<bool>,
    /// Whether libvirt or another hook runs it.
    pub is_run: bool,
    /// The hook that runs it.
    pub run_by: Option<&'static str>,
}

impl HookStatus {
    /// Our hook, if it is where libvirt runs it.
    pub fn installed(&self) -> Option<&HookView> {
        let mut hooks = self.hooks.iter();
        hooks.find(|hook| hook.file.is_ours && hook.is_run)
    }

    /// Whether the running daemon has run our hook. `None` if that is not known.
    pub fn is_seen(&self) -> Option<bool> {
        let started_at = self.daemon.as_ref()?.started_at?;
        Some(self.seen_at.is_some_and(|at| at >= started_at))
    }
}
