//! `gpupci recover`: finishes or undoes what was interrupted.

use anyhow::Result;
use gpupt::failure::Failure;
use gpupt::handover::{CardError, Recovered};
use gpupt::host::Machine;
use gpupt::pci::PciSlot;
use serde_json::{Value, json};

use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::this_host::ThisHost;

pub(crate) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let (host, _lock) = ThisHost::lock_for_change("recover cards", global, machine)?;
    let recovered = host.handover().recover();
    let mut answer = Answer::default();
    for (slot, result) in &recovered {
        answer = answer.and(match result {
            Ok(recovered) => Answer::done(format!("{slot} {recovered}\n")),
            Err(error) => Answer::failed(error),
        });
    }
    if global.json {
        let objects = recovered.iter().map(object).collect();
        answer.text = json::document("cards", objects).into_bytes();
    } else if recovered.is_empty() {
        answer.notes.push("nothing to recover".to_owned());
    }
    Ok(answer)
}

fn object((slot, result): &(PciSlot, Result<Recovered, CardError>)) -> Value {
    let error = result.as_ref().err();
    json!({
        "slot": slot.to_string(),
        "result": result.as_ref().ok().map(ToString::to_string),
        "exit": error.map_or(0, |error| error.exit().code()),
        "error": error.map(|error| json::failure(error)),
    })
}
