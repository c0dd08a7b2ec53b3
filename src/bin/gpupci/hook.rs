//! `gpupci hook`: installs and removes the libvirt hook, and shows its state.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::escape::printable;
use gpupt::exit::Exit;
use gpupt::hook_folder::{FileStep, HookStatus, HookView, StatusLine};
use gpupt::hook_install::{Installed, install, status, uninstall};
use gpupt::host::{HookFolder, Machine};
use gpupt::paths::{GPUPCI, HOOK, HOOK_BEFORE, HOOK_NEW};
use serde_json::{Value, json};

use crate::args::{Global, HookCommand};
use crate::json;
use crate::report::Answer;
use crate::this_host::lock_for_change;

pub(crate) fn run(command: &HookCommand, global: &Global, machine: &Machine) -> Result<Answer> {
    match command {
        HookCommand::Install { from } => {
            let _lock = lock_for_change("install the libvirt hook", global, machine)?;
            Ok(match install(machine, from.as_deref(), global.timeout) {
                Ok(installed) if global.json => Answer {
                    notes: installed.notes,
                    ..Answer::done(document(&status(machine, global.timeout)))
                },
                Ok(installed) => installed_answer(&installed),
                Err(error) => Answer::failed(&error),
            })
        }
        HookCommand::Uninstall => {
            let _lock = lock_for_change("remove the libvirt hook", global, machine)?;
            Ok(match uninstall(machine, global.timeout) {
                Ok(gone) if gone.steps.is_empty() => Answer {
                    notes: gone.notes,
                    ..Answer::done("the libvirt hook is not installed\n".to_owned())
                },
                Ok(gone) => Answer {
                    notes: gone.notes,
                    ..Answer::done(gone.steps.iter().filter_map(step_text).collect())
                },
                Err(error) => Answer::failed(&error),
            })
        }
        HookCommand::Status => run_status(global, machine),
    }
}

fn installed_answer(installed: &Installed) -> Answer {
    let place = installed.place;
    let is_new = |step: &FileStep| matches!(step, FileStep::Move { from: HOOK_NEW, .. });
    let mut text = match (installed.steps.iter().any(is_new), installed.was_there) {
        (true, false) => format!("installed the libvirt hook as {place}\n"),
        (true, true) => format!("updated the libvirt hook {place}\n"),
        (false, _) => format!("the libvirt hook {place} is up to date\n"),
    };
    text.extend(installed.steps.iter().filter_map(step_text));
    Answer {
        notes: installed.notes.clone(),
        ..Answer::done(text)
    }
}

/// The line about a step, if the administrator should know of it.
fn step_text(step: &FileStep) -> Option<String> {
    match step {
        FileStep::Link { from, to } => Some(format!(
            "the existing hook {from} is now {to}; gpupt's hook runs it after itself\n"
        )),
        FileStep::Move {
            from: HOOK_BEFORE, ..
        } => Some(format!("restored the former hook {HOOK}\n")),
        FileStep::Remove(path) => Some(format!("removed {path}\n")),
        FileStep::MakeFolder(_) | FileStep::Write | FileStep::Move { .. } => None,
    }
}

fn run_status(global: &Global, machine: &Machine) -> Result<Answer> {
    if !HookFolder::of(machine).may_list() {
        return Err(Error::NotRoot("read the hooks of this host").into());
    }
    let status = status(machine, global.timeout);
    let text = match global.json {
        true => document(&status),
        false => status.lines().iter().map(lines).collect(),
    };
    Ok(Answer {
        exit: match status.installed() {
            Some(_) => Exit::Done,
            None => Exit::Failed,
        },
        ..Answer::done(text)
    })
}

fn lines(line: &StatusLine) -> String {
    let topic = format!("{}:", line.topic);
    let text = printable(line.text.as_bytes());
    let remedy = line.remedy.as_ref();
    let remedy = remedy.map(|remedy| printable(remedy.as_bytes()));
    let remedy = remedy.map(|remedy| format!("          try: {remedy}\n"));
    format!("{topic:9} {text}\n{}", remedy.unwrap_or_default())
}

fn document(status: &HookStatus) -> String {
    let hooks = status.hooks.iter().map(|hook| object(hook, status));
    let gpupci = &status.gpupci;
    let problem = gpupci.problem();
    let program = json!({
        "path": GPUPCI,
        "state": gpupci.state.word(),
        "remedy": problem.as_ref().map(|_| gpupci.remedy()),
        "text": problem,
    });
    json::document_with("hooks", hooks.collect(), ("gpupci", program))
}

fn object(hook: &HookView, status: &HookStatus) -> Value {
    let file = &hook.file;
    let is_installed = status.installed().is_some_and(|ours| ours.file == *file);
    json!({
        "path": file.path,
        "is_ours": file.is_ours,
        "is_current": hook.is_current,
        "is_executable": file.is_executable,
        "is_run": hook.is_run,
        "run_by": hook.run_by,
        "is_open_to_all": file.is_open_to_all,
        "calls_virsh": file.calls_virsh,
        "unread": file.unread,
        "is_seen": status.is_seen().filter(|_| is_installed),
        "seen_at": status.seen_at.filter(|_| is_installed),
    })
}
