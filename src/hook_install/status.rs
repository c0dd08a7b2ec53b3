//! How it stands with the hook.

use std::path::PathBuf;

use crate::hook_install::{HOOKS, INSIDE, KEPT, LibvirtVersion, SINGLE};
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

/// Looks how it stands with the hook.
pub fn status(machine: &Machine, deadline: std::time::Duration) -> HookStatus {
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
    HookStatus {
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

    /// What there is to say, and what to do.
    pub fn lines(&self) -> Vec<StatusLine> {
        let mut lines = vec![self.hook_line()];
        lines.extend(self.version.map(|version| line("libvirt", &version.to_string())));
        lines.extend(self.installed().map(|_| self.seen_line()));
        let others = self.hooks.iter().filter(|hook| !hook.file.is_ours);
        lines.extend(others.map(HookView::line));
        lines.extend(self.copies());
        lines
    }

    fn hook_line(&self) -> StatusLine {
        if !self.has_libvirt {
            let text = "not installed: libvirt is not on this host";
            return advice("hook", text, "install libvirt and QEMU, as `gpupci check` says");
        }
        let Some(hook) = self.installed() else {
            return self.idle_line();
        };
        let path = &hook.file.path;
        let program = self.program.as_ref().map(|p| p.display().to_string());
        let program = program.unwrap_or_default();
        match hook.is_current {
            Some(true) => line("hook", &format!("{path}, the same as {program}")),
            Some(false) => {
                let text = format!("{path}, which differs from {program}");
                advice("hook", &text, "gpupci hook install")
            }
            None => line("hook", path),
        }
    }

    /// What to say where libvirt does not run our hook.
    fn idle_line(&self) -> StatusLine {
        let mut direct = self.hooks.iter().filter(|hook| hook.file.is_direct);
        let Some(idle) = direct.find(|hook| hook.file.is_ours) else {
            let text = format!("not installed in {HOOKS}");
            return advice("hook", &text, "gpupci hook install");
        };
        let path = &idle.file.path;
        match (idle.file.is_executable, self.version) {
            (true, Some(version)) => {
                let text = format!("{path}, where libvirt {version} does not look");
                advice("hook", &text, "gpupci hook install")
            }
            _ => {
                let text = format!("{path} may not be executed, so libvirt skips it");
                advice("hook", &text, "gpupci hook install")
            }
        }
    }

    fn seen_line(&self) -> StatusLine {
        let reload = format!("systemctl reload {}", self.daemon_name);
        let last = self.seen_at.map(|at| age(self.now.saturating_sub(at)));
        let (Some(daemon), Some(is_seen)) = (&self.daemon, self.is_seen()) else {
            return match last {
                Some(last) => line("seen", &format!("{last}; {} does not run", self.daemon_name)),
                None => line("seen", &format!("not yet; {} does not run", self.daemon_name)),
            };
        };
        let who = format!("{} (pid {})", daemon.name, daemon.pid);
        match last.filter(|_| is_seen) {
            Some(last) => line("seen", &format!("{last}, by the {who} that runs")),
            None => {
                let text = format!("not since {who} was started");
                advice("seen", &text, &format!("{reload}; the next start of a guest shows it"))
            }
        }
    }

    /// Ours once more: it would run twice.
    fn copies(&self) -> Vec<StatusLine> {
        let ours = self.hooks.iter().filter(|h| h.file.is_ours && h.is_run);
        let copy = |hook: &HookView| {
            let path = &hook.file.path;
            let text = format!("{path} is a copy of the hook, which so runs twice");
            advice("other", &text, &format!("remove {path}"))
        };
        ours.skip(1).map(copy).collect()
    }
}

impl HookView {
    /// What to say about a hook that is not ours.
    fn line(&self) -> StatusLine {
        let path = &self.file.path;
        let place = match (path.as_str(), self.run_by) {
            (KEPT, Some(by)) => format!("{path}, which {by} runs after itself"),
            (INSIDE, _) => format!("{path}, where ours should be"),
            _ => path.clone(),
        };
        if self.file.calls_virsh && self.file.is_executable {
            let text = format!("{place}, runs virsh: the start of a guest can hang for ever");
            return advice("other", &text, &format!("take virsh out of {path}"));
        }
        match self.file.is_executable {
            true => line("other", &place),
            false => line("other", &format!("{place}, which may not be executed")),
        }
    }
}

fn line(topic: &'static str, text: &str) -> StatusLine {
    StatusLine {
        topic,
        text: text.to_owned(),
        remedy: None,
    }
}

fn advice(topic: &'static str, text: &str, remedy: &str) -> StatusLine {
    StatusLine {
        remedy: Some(remedy.to_owned()),
        ..line(topic, text)
    }
}

/// How long ago something was.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
