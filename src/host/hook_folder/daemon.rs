//! The daemon that runs hooks: whether it has found ours, and how to reload it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::hook_folder::{Daemon, FileStep};
use crate::host::HookFolder;
use crate::host::kernel::run_with_deadline;
use crate::host::libvirt::start_of;
use crate::paths::{HOOK_LAST_RUN, SELINUX, SYSTEMD};

/// The daemons' files of their process id, and their names.
const PIDS: [(&str, &str); 4] = [
    ("/run/libvirtd.pid", "libvirtd"),
    ("/run/libvirt/libvirtd.pid", "libvirtd"),
    ("/run/virtqemud.pid", "virtqemud"),
    ("/run/libvirt/virtqemud.pid", "virtqemud"),
];
/// Clock ticks per second in `/proc` (`USER_HZ`).
const TICKS: u64 = 100;
const SYSTEMCTL: [&str; 2] = ["/usr/bin/systemctl", "/bin/systemctl"];
const RESTORECON: [&str; 2] = ["/sbin/restorecon", "/usr/sbin/restorecon"];

impl HookFolder<'_> {
    /// The running daemons that run hooks.
    pub fn daemons(&self) -> Vec<Daemon> {
        let mut daemons: Vec<Daemon> = Vec::new();
        for (path, name) in PIDS {
            let pid = self
                .machine
                .text(path)
                .and_then(|pid| pid.trim().parse().ok());
            let daemon = pid.and_then(|pid| self.daemon(name, pid));
            let is_listed = |daemon: &Daemon| daemons.iter().any(|known| known.pid == daemon.pid);
            daemons.extend(daemon.filter(|daemon| !is_listed(daemon)));
        }
        daemons
    }

    /// The process `pid`, if it is this daemon: the file of a dead one may remain.
    fn daemon(&self, name: &'static str, pid: u32) -> Option<Daemon> {
        let stat = self.machine.text(&format!("/proc/{pid}/stat"))?;
        let (command, _) = stat.rsplit_once(')')?;
        let (_, command) = command.split_once('(')?;
        let since_boot: Option<u64> = start_of(&stat).and_then(|ticks| ticks.parse().ok());
        let started_at = since_boot.and_then(|ticks| Some(self.booted_at()? + ticks / TICKS));
        (command == name).then_some(Daemon {
            name,
            pid,
            started_at,
        })
    }

    fn booted_at(&self) -> Option<u64> {
        let stat = self.machine.text("/proc/stat")?;
        let mut lines = stat.lines();
        lines.find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
    }

    /// When libvirt last ran our hook, in seconds since 1970.
    pub fn last_run(&self) -> Option<u64> {
        self.machine.text(HOOK_LAST_RUN)?.trim().parse().ok()
    }

    /// Removes the mark that libvirt ran our hook, after the hook was replaced or removed.
    pub fn forget_last_run(&self) {
        // Only `gpupci hook status` and `check` read it.
        let _ = self.machine.remove(HOOK_LAST_RUN);
    }

    /// Whether the running daemon has found the hook in `place`: it was started later, or has run it.
    /// `None` if no daemon runs.
    pub fn has_loaded(&self, place: &str) -> Option<bool> {
        let started_at = self.daemons().into_iter().next()?.started_at?;
        let has_run = self.last_run().is_some_and(|at| at >= started_at);
        let was_there = self.changed_at(place).is_some_and(|at| at < started_at);
        Some(has_run || was_there)
    }

    /// When a file got its path (ctime), in seconds since 1970.
    pub fn changed_at(&self, path: &str) -> Option<u64> {
        let facts = fs::metadata(self.machine.path(path)).ok()?;
        u64::try_from(facts.ctime()).ok()
    }

    /// Reloads the running daemons, so that they find the hook; this does not affect guests. Returns a
    /// note for each.
    pub fn reload_daemons(&self, deadline: Duration) -> Vec<String> {
        if !self.machine.is_real() {
            return Vec::new();
        }
        let daemons = self.daemons();
        let notes = daemons.iter().map(|daemon| self.reload(daemon, deadline));
        notes.collect()
    }

    fn reload(&self, daemon: &Daemon, deadline: Duration) -> String {
        let Daemon { name, pid, .. } = daemon;
        let systemctl = SYSTEMCTL.into_iter().find(|path| self.machine.exists(path));
        let Some(systemctl) = systemctl.filter(|_| self.machine.exists(SYSTEMD)) else {
            return format!(
                "{name} (pid {pid}) must be reloaded to find the hook: run `service {name} reload` or \
                 `kill -HUP {pid}`"
            );
        };
        match run(systemctl, &["reload", name], deadline) {
            Ok(()) => format!("{name} (pid {pid}) was reloaded, so it finds the hook"),
            Err(why) => format!(
                "{name} (pid {pid}) could not be reloaded: {why}; run `kill -HUP {pid}`, so that it \
                 finds the hook"
            ),
        }
    }

    /// Restores the SELinux labels of the files that these steps created. Returns a note if that failed.
    pub fn relabel(&self, steps: &[FileStep], deadline: Duration) -> Option<String> {
        if !self.machine.is_real() || !self.machine.exists(SELINUX) {
            return None;
        }
        let created = steps.iter().filter_map(|step| match step {
            FileStep::MakeFolder(path) | FileStep::Move { to: path, .. } => Some(*path),
            _ => None,
        });
        let created: Vec<&str> = created.collect();
        let restorecon = RESTORECON
            .into_iter()
            .find(|path| self.machine.exists(path));
        let outcome = match restorecon {
            Some(restorecon) => run(restorecon, &created, deadline),
            None => Err("restorecon is not installed".to_owned()),
        };
        let why = outcome.err()?;
        Some(format!(
            "SELinux may stop libvirt from running the hook, because its label could not be set: \
             {why}; run `restorecon {}`; `ausearch -m AVC -ts recent` shows what is denied, and \
             `getsebool virt_hooks_unconfined` whether hooks are confined",
            created.join(" ")
        ))
    }
}

/// Runs a program; the error is its message.
fn run(program: &str, words: &[&str], deadline: Duration) -> Result<(), String> {
    let mut command = Command::new(Path::new(program));
    command
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let output = run_with_deadline(command, deadline).map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    match message.trim().lines().next() {
        Some(line) => Err(line.to_owned()),
        None => Err(format!("{program} {} failed", words.join(" "))),
    }
}
