//! `gpupci detach` and `gpupci attach`: bind cards to the stub driver, restore their host drivers.

use anyhow::Result;
use gpupt::failure::Failure;
use gpupt::gpu::GpuCard;
use gpupt::handover::{CardError, CardResult, FunctionResult, Mode};
use gpupt::host::Machine;
use serde_json::{Value, json};

use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::this_host::ThisHost;

/// Whether cards are detached or attached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Detach,
    Attach,
}

/// Detaches or attaches every card. If one fails, the others are still tried; the worst exit code
/// is that of the command.
pub(crate) fn run(
    direction: Direction,
    words: &[String],
    mode: Mode,
    global: &Global,
    machine: &Machine,
) -> Result<Answer> {
    let lock;
    let host = match mode {
        Mode::DryRun => ThisHost::of(global, machine)?,
        Mode::Real => {
            let what = match direction {
                Direction::Detach => "detach cards",
                Direction::Attach => "attach cards",
            };
            let host;
            (host, lock) = ThisHost::lock_for_change(what, global, machine)?;
            let _ = &lock;
            host
        }
    };
    let (cards, mut answer) = host.select(words);
    let handover = host.handover();
    let results = match direction {
        Direction::Detach => handover.detach_all(&cards, mode),
        Direction::Attach => {
            let attached = cards.iter().map(|card| handover.attach(card, mode));
            attached.collect()
        }
    };
    let mut objects = Vec::new();
    for (card, result) in cards.into_iter().zip(results) {
        if global.json {
            objects.push(object(card, &result, mode));
        }
        answer = answer.and(match result {
            Ok(result) => Answer {
                notes: result.notes.clone(),
                ..Answer::done(text(direction, card, &result, mode, global.json))
            },
            Err(error) => Answer::failed(&error),
        });
    }
    if global.json {
        answer.text = json::document("cards", objects).into_bytes();
    }
    Ok(answer)
}

fn text(
    direction: Direction,
    card: &GpuCard,
    done: &CardResult,
    mode: Mode,
    is_json: bool,
) -> String {
    match mode {
        _ if is_json => String::new(),
        Mode::DryRun => done.steps.iter().map(|step| format!("{step}\n")).collect(),
        Mode::Real => {
            let lines = done
                .functions
                .iter()
                .map(|function| line(direction, card, function));
            lines.collect()
        }
    }
}

/// The result for one function, in the original's words.
fn line(direction: Direction, card: &GpuCard, function: &FunctionResult) -> String {
    let (name, address, kind) = (card.name, function.function, function.class.kind());
    match (direction, function.was_already) {
        (Direction::Detach, false) => {
            format!("Detached GPU card '{name}' {kind} device {address}\n")
        }
        (Direction::Detach, true) => {
            format!("GPU card '{name}' {kind} device {address} is already detached\n")
        }
        (Direction::Attach, false) => format!("Attached {kind} card {address} of {name}\n"),
        (Direction::Attach, true) => format!("{name} {kind} card {address} is already attached\n"),
    }
}

fn object(card: &GpuCard, result: &Result<CardResult, CardError>, mode: Mode) -> Value {
    let functions = result.as_ref().map_or(&[][..], |done| &done.functions);
    let functions = functions.iter().map(|function| {
        json!({
            "address": function.function.to_string(),
            "kind": function.class.kind(),
            "was_so": function.was_already,
            "driver": function.driver.as_ref().map(ToString::to_string),
        })
    });
    let steps = result.as_ref().map_or(&[][..], |done| &done.steps);
    let writes = steps
        .iter()
        .map(|step| json!({ "path": step.path(), "value": step.value() }));
    let error = result.as_ref().err();
    json!({
        "name": card.name.to_string(),
        "address": card.display.address.to_string(),
        "exit": error.map_or(0, |error| error.exit().code()),
        "functions": functions.collect::<Vec<_>>(),
        "writes": (mode == Mode::DryRun).then(|| writes.collect::<Vec<_>>()),
        "error": error.map(|error| json::failure(error)),
    })
}
