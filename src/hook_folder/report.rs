//! How it stands with the hook, in words.

use crate::elapsed::ago;
use crate::hook_folder::{HookStatus, HookView};
use crate::paths::{HOOK_BEFORE, HOOK_IN_FOLDER, HOOKS};

/// One thing to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// What it is about, in a word.
    pub topic: &'static str,
    /// How it stands.
    pub text: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

const INSTALL: &str = "gpupci hook install";

impl HookStatus {
    /// What there is to say, and what to do.
    pub fn lines(&self) -> Vec<StatusLine> {
        let mut lines = vec![self.hook_line()];
        let version = self.version.map(|version| version.to_string());
        lines.extend(version.map(|version| line("libvirt", version)));
        lines.extend(self.installed().map(|_| self.seen_line()));
        let others = self.hooks.iter().filter(|hook| !hook.file.is_ours);
        lines.extend(others.map(other_line));
        let ours = self.hooks.iter().filter(|h| h.file.is_ours && h.is_run);
        lines.extend(ours.skip(1).map(copy_line));
        lines
    }

    fn hook_line(&self) -> StatusLine {
        if !self.has_libvirt {
            let text = "not installed: libvirt is not on this host".to_owned();
            return advice(
                "hook",
                text,
                "install libvirt and QEMU, as `gpupci check` says",
            );
        }
        let Some(hook) = self.installed() else {
            return self.idle_line();
        };
        let path = &hook.file.path;
        let program = self.program.as_ref().map(|p| p.display().to_string());
        let program = program.unwrap_or_default();
        match hook.is_current {
            Some(true) => line("hook", format!("{path}, the same as {program}")),
            Some(false) => advice(
                "hook",
                format!("{path}, which differs from {program}"),
                INSTALL,
            ),
            None => line("hook", path.clone()),
        }
    }

    /// What to say where libvirt does not run our hook.
    fn idle_line(&self) -> StatusLine {
        let mut direct = self.hooks.iter().filter(|hook| hook.file.is_direct);
        let Some(idle) = direct.find(|hook| hook.file.is_ours) else {
            return advice("hook", format!("not installed in {HOOKS}"), INSTALL);
        };
        let path = &idle.file.path;
        let text = match self.version.filter(|_| idle.file.is_executable) {
            Some(version) => format!("{path}, where libvirt {version} does not look"),
            None => format!("{path} may not be executed, so libvirt skips it"),
        };
        advice("hook", text, INSTALL)
    }

    fn seen_line(&self) -> StatusLine {
        let last = self.seen_at.map(|at| ago(self.now.saturating_sub(at)));
        let Some(daemon) = &self.daemon else {
            let last = last.unwrap_or_else(|| "not yet".to_owned());
            let name = self.daemon_name;
            return line("seen", format!("{last}; {name} does not run now"));
        };
        let who = format!("{} (pid {})", daemon.name, daemon.pid);
        let last = last.filter(|_| self.is_seen() != Some(false));
        let was_there = daemon.started_at > self.put_at && self.put_at.is_some();
        match last {
            Some(last) => line("seen", format!("{last}, by the {who} that runs")),
            None if was_there => line("seen", format!("not yet by {who}, which was started later")),
            None => advice(
                "seen",
                format!("not since {who} was started"),
                &format!(
                    "systemctl reload {}; the next start of a guest shows it",
                    daemon.name
                ),
            ),
        }
    }
}

/// What to say about a hook that is not ours.
fn other_line(hook: &HookView) -> StatusLine {
    let file = &hook.file;
    let path = &file.path;
    let place = match (path.as_str(), hook.run_by) {
        (HOOK_BEFORE, Some(by)) => format!("{path}, which {by} runs after itself"),
        (HOOK_IN_FOLDER, _) => format!("{path}, which is not ours"),
        _ => path.clone(),
    };
    if let Some(why) = &file.unread {
        return line("other", format!("{place}, which cannot be read: {why}"));
    }
    if !file.is_executable {
        return line("other", format!("{place}, which may not be executed"));
    }
    if file.calls_virsh {
        let text = format!("{place}, runs virsh: the start of a guest can hang for ever");
        return advice("other", text, &format!("take virsh out of {path}"));
    }
    line("other", place)
}

/// Ours once more.
fn copy_line(hook: &HookView) -> StatusLine {
    let path = &hook.file.path;
    let text = format!("{path} is a copy of the hook, which so runs twice");
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
