//! `gpupci list` and `gpupci renumber`: the cards of this host, by name.

use anyhow::Result;
use gpupt::binding::Refusal;
use gpupt::error::Error;
use gpupt::failure::sentence;
use gpupt::gpu::GpuCard;
use gpupt::host::Machine;
use gpupt::naming::{misplaced, record_names, renumber};
use gpupt::settings::Settings;

use crate::args::Global;
use crate::here::{Here, may_change};
use crate::json;
use crate::portrait::{Portrait, table};
use crate::report::Answer;

pub(crate) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let mut here = Here::of(global, machine)?;
    let mut notes = Vec::new();
    if may_change(machine)
        && let Err(error) = record_names(machine, &mut here.cards, global.timeout)
    {
        let why = sentence(&Error::from(error));
        notes.push(format!("the names are not written down: {why}"));
    }
    let misplaced = misplaced(machine, &here.cards).map_err(Error::from)?;
    notes.extend(misplaced.iter().map(Refusal::to_string));
    let all: Vec<&GpuCard> = here.cards.iter().collect();
    let text = if global.json {
        let portraits = Portrait::of_all(&here, &all);
        json::document("cards", portraits.iter().map(Portrait::json).collect())
    } else if global.verbose {
        table(&Portrait::of_all(&here, &all))
    } else {
        lines(&here.cards)
    };
    Ok(Answer {
        notes,
        ..Answer::done(text)
    })
}

pub(crate) fn run_renumber(global: &Global, machine: &Machine) -> Result<Answer> {
    if !may_change(machine) {
        return Err(Error::NotRoot("name cards anew").into());
    }
    let mut vendors = Settings::of(machine).map_err(Error::from)?.vendors;
    vendors.extend(&global.vendors);
    renumber(machine, &vendors, global.timeout).map_err(Error::from)?;
    run(global, machine)
}

/// Name and node device of each card, as the original printed them.
fn lines(cards: &[GpuCard]) -> String {
    let line = |card: &GpuCard| format!("{} {}\n", card.name, card.display.address.node_device());
    cards.iter().map(line).collect()
}
