//! What QEMU and the hook logged about the last start. A line that a known cause explains stands with it.

use crate::diagnosis::qemu_errors::known_error;
use crate::diagnosis::{KnownError, QemuError, Reason, Said, Source, When, codes_of};
use crate::host::{KnownGuest, Machine, QemuRun};

/// Adds what was logged.
pub(super) fn add(reasons: &mut Vec<Reason>, known: &KnownGuest, machine: &Machine) {
    match last_run(known, machine) {
        Some(run) => add_qemu(reasons, &run),
        None => {
            let has_log = machine.last_qemu_run(&known.name).is_some();
            reasons.extend(without_qemu(known, has_log));
        }
    }
    reasons.extend(journal(known, machine));
}

/// What QEMU said of a guest that runs, if that is a known error.
pub(super) fn of_running(known: &KnownGuest, machine: &Machine) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(run) = machine.last_qemu_run(&known.name) {
        let errors = run.errors.into_iter();
        let errors = errors.filter(|line| known_error(line).is_some()).collect();
        add_qemu(
            &mut reasons,
            &QemuRun {
                errors,
                ..QemuRun::default()
            },
        );
    }
    reasons
}

/// The QEMU of the last start.
pub(super) fn last_run(known: &KnownGuest, machine: &Machine) -> Option<QemuRun> {
    let run = machine.last_qemu_run(&known.name);
    run.filter(|run| is_of_last_start(run, known))
}

/// Whether QEMU ran at the last start. After a start that was refused, the log still has the run before.
fn is_of_last_start(run: &QemuRun, known: &KnownGuest) -> bool {
    match (run.at, &known.start) {
        (Some(run), Some(start)) => run >= start.at,
        (None, Some(start)) => start.refused.is_none(),
        (_, None) => true,
    }
}

/// The hook prepared the cards of a start, and no QEMU ran after that, as far as its log is there.
fn without_qemu(known: &KnownGuest, has_log: bool) -> Option<Reason> {
    let start = known
        .start
        .as_ref()
        .filter(|start| start.refused.is_none())?;
    let what = match has_log {
        true => "its cards were prepared, but QEMU did not run after that",
        false => "its cards were prepared, but QEMU's log of this guest could not be read",
    };
    let text = format!("{}: {what}", start.age());
    Some(Reason {
        remedy: Some(format!(
            "see what libvirt said: journalctl -u libvirtd -u virtqemud --since @{}",
            start.at
        )),
        ..Reason::new(Source::Hook, text).at(When::LastStart)
    })
}

fn add_qemu(reasons: &mut Vec<Reason>, run: &QemuRun) {
    for line in &run.errors {
        match known_error(line) {
            // It only says that libvirt ended the start, which the cause explains.
            Some(error) if is_by_libvirt(error) && reasons.iter().any(Reason::blocks_now) => (),
            Some(error) => add_known(reasons, line, error),
            // The guest ran, so this line is no reason.
            None if run.has_succeeded => (),
            None => reasons.push(Reason::new(Source::Qemu, line.clone()).at(When::LastStart)),
        }
    }
}

fn is_by_libvirt(error: &KnownError) -> bool {
    error.error == QemuError::EndedByLibvirt
}

/// Adds a line whose meaning is known: to the cause that explains it, else as a reason of its own.
fn add_known(reasons: &mut Vec<Reason>, line: &str, error: &'static KnownError) {
    let said = Said {
        source: Source::Qemu,
        text: line.to_owned(),
    };
    let explains = |reason: &&mut Reason| {
        reason.has_one_of(error.codes)
            || error.topic.is_some() && reason.topic == error.topic
            || reason.meaning.as_deref() == Some(error.meaning)
    };
    if let Some(reason) = reasons.iter_mut().find(explains) {
        if reason.when == Some(When::Now) {
            reason.when = Some(When::Still);
        }
        reason.said.push(said);
        return;
    }
    reasons.push(Reason {
        meaning: Some(error.meaning.to_owned()),
        remedy: Some(error.remedy.to_owned()),
        ..Reason::new(Source::Qemu, line.to_owned()).at(When::LastStart)
    });
}

/// What the hook logged, except the refusal, which its record has.
fn journal(known: &KnownGuest, machine: &Machine) -> Vec<Reason> {
    let refused = known
        .start
        .as_ref()
        .and_then(|start| start.refused.as_deref());
    let mut lines = machine.journal_of(known);
    lines.retain(|line| refused.is_none_or(|refused| !line.text.contains(refused)));
    let reasons = lines.into_iter().map(|line| Reason {
        codes: codes_of(&line.codes),
        ..Reason::new(Source::Journal, line.text)
    });
    reasons.collect()
}
