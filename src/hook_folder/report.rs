//! The state of the hook as lines for `gpupci hook status`.

use crate::elapsed::ago;
use crate::hook_folder::{HookStatus, HookView};
use crate::paths::{HOOK_BEFORE, HOOK_IN_FOLDER, HOOKS};

/// One line, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// Its subject: `hook`.
    pub topic: &'static str,
    /// The state.
    pub text: String,
    /// What to do, if anything.
    pub remedy: Option<String>,
}

const INSTALL: &str = "gpupci hook install";

impl HookStatus {
    /// All lines, our hook first.
    pub fn lines(&self) -> Vec<StatusLine> {
        let mut lines = vec![self.hook_line()];
        let version = self.version.map(|version| version.to_string());
        lines.extend(version.map(|version| line("libvirt", version)));
        lines.extend(self.installed().map(|_| self.seen_line()));
        lines.extend(self.gpupci_line());
        let others = self.hooks.iter().filter(|hook| !hook.file.is_ours);
        lines.extend(others.map(other_line));
        let ours = self.hooks.iter().filter(|h| h.file.is_ours && h.is_run);
        lines.extend(ours.skip(1).map(copy_line));
        lines
    }

    fn hook_line(&self) -> StatusLine {
        if !self.has_libvirt {
            let text = "not installed: this host has no libvirt".to_owned();
            return advice(
                "hook",
                text,
                "install libvirt and QEMU (`gpupci check` shows the command)",
            );
        }
        let Some(hook) = self.installed() else {
            return self.idle_line();
        };
        let path = &hook.file.path;
        let program = self.program.as_ref().map(|p| p.display().to_string());
        let program = program.unwrap_or_default();
        match hook.is_current {
            Some(true) => line("hook", format!("{path}, up to date")),
            Some(false) => advice(
                "hook",
                format!("{path}, not up to date: {program} differs"),
                INSTALL,
            ),
            None => line("hook", path.clone()),
        }
    }

    /// The line for a hook that is not installed, or that libvirt does not run.
    fn idle_line(&self) -> StatusLine {
        let mut direct = self.hooks.iter().filter(|hook| hook.file.is_direct);
        let Some(idle) = direct.find(|hook| hook.file.is_ours) else {
            return advice("hook", format!("not installed in {HOOKS}"), INSTALL);
        };
        let path = &idle.file.path;
        let text = match self.version.filter(|_| idle.file.is_executable) {
            Some(version) => format!("{path}: libvirt {version} does not run hooks in qemu.d"),
            None => format!("{path} is not executable, so libvirt ignores it"),
        };
        advice("hook", text, INSTALL)
    }

    /// The line for a `gpupci` that our hook cannot run, or that is another build.
    fn gpupci_line(&self) -> Option<StatusLine> {
        let problem = self.gpupci.problem().filter(|_| self.has_libvirt)?;
        Some(advice("gpupci", problem, &self.gpupci.remedy()))
    }

    fn seen_line(&self) -> StatusLine {
        let last = self.seen_at.map(|at| ago(self.now.saturating_sub(at)));
        let Some(daemon) = &self.daemon else {
            let last = last.unwrap_or_else(|| "never".to_owned());
            let name = self.daemon_name;
            return line("last run", format!("{last}; {name} is not running"));
        };
        let who = format!("{} (pid {})", daemon.name, daemon.pid);
        let last = last.filter(|_| self.is_seen() != Some(false));
        let was_there = daemon.started_at > self.put_at && self.put_at.is_some();
        match last {
            Some(last) => line("last run", format!("{last}, by {who}")),
            None if was_there => line(
                "last run",
                format!("not yet by {who}, which started after the hook was installed"),
            ),
            None => advice(
                "last run",
                format!("not since {who} started"),
                &format!("systemctl reload {}, then start a guest", daemon.name),
            ),
        }
    }
}

/// The line for a hook that is not ours.
fn other_line(hook: &HookView) -> StatusLine {
    let file = &hook.file;
    let path = &file.path;
    let place = match (path.as_str(), hook.run_by) {
        (HOOK_BEFORE, Some(by)) => format!("{path}, run by {by} after the gpupt hook"),
        (HOOK_IN_FOLDER, _) => format!("{path}, not a gpupt hook"),
        _ => path.clone(),
    };
    if let Some(why) = &file.unread {
        return line("other", format!("{place}, which could not be read: {why}"));
    }
    if !file.is_executable {
        return line("other", format!("{place}, not executable"));
    }
    if file.calls_virsh {
        let text = format!("{place}, calls virsh: the start of a guest can hang for ever");
        return advice(
            "other",
            text,
            &format!("remove the virsh calls from {path}"),
        );
    }
    line("other", place)
}

/// The line for a second copy of our hook.
fn copy_line(hook: &HookView) -> StatusLine {
    let path = &hook.file.path;
    let text = format!("{path} is a second copy of the gpupt hook, so the hook runs twice");
    advice("other", text, &format!("remove {path}"))
}

fn line(topic: &'static str, text: String) -> StatusLine {
    StatusLine {
        topic,
        text,
        remedy: None,
    }
}

fn advice(topic: &'static str, text: String, remedy: &str) -> StatusLine {
    StatusLine {
        remedy: Some(remedy.to_owned()),
        ..line(topic, text)
    }
}
