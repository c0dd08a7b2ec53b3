//! `gpupci list`: the cards of this host.

use anyhow::Result;
use gpupt::gpu::GpuCard;
use gpupt::host::Machine;
use gpupt::{Error, Settings};
use serde_json::{Value, json};

use crate::args::Global;
use crate::report::Answer;
use crate::{done, json};

pub(crate) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let mut vendors = Settings::of(machine).map_err(Error::from)?.vendors;
    vendors.extend(&global.vendors);
    let cards = machine.cards(&vendors).map_err(Error::from)?;
    if global.json {
        let cards: Vec<Value> = cards.iter().map(card).collect();
        return Ok(done(json::document("cards", cards)));
    }
    let line = |card: &GpuCard| format!("{} {}\n", card.name, card.display.address.node_device());
    Ok(done(cards.iter().map(line).collect()))
}

fn card(card: &GpuCard) -> Value {
    let functions = card.functions.iter().map(|function| {
        json!({
            "address": function.address.to_string(),
            "vendor": function.vendor.to_string(),
            "kind": function.class.word(),
        })
    });
    json!({
        "name": card.name.to_string(),
        "address": card.display.address.to_string(),
        "functions": functions.collect::<Vec<_>>(),
    })
}
