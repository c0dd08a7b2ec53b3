//! How it stands with the hook.

use std::path::PathBuf;

use crate::hook_folder::HookFile;
use crate::hook_folder::LibvirtVersion;

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
