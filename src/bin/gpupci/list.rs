//! `gpupci list` and `gpupci renumber`: the cards of this host, by name.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::failure::sentence;
use gpupt::gpu::{GpuCard, Uncounted};
use gpupt::host::Machine;
use gpupt::naming::{record_names, renumber, replaced_cards};
use gpupt::settings::Settings;
use serde_json::{Value, json};

use crate::args::Global;
use crate::card_details::{CardDetails, table};
use crate::json;
use crate::report::Answer;
use crate::this_host::{ThisHost, may_change};

pub(crate) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let mut host = ThisHost::of(global, machine)?;
    let mut notes = Vec::new();
    if may_change(machine)
        && let Err(error) = record_names(machine, &mut host.cards, global.timeout)
    {
        let why = sentence(&Error::from(error));
        notes.push(format!("the card names were not recorded: {why}"));
    }
    let replaced_cards = replaced_cards(machine, &host.cards).map_err(Error::from)?;
    notes.extend(
        replaced_cards
            .iter()
            .map(|(_, refusal)| refusal.to_string()),
    );
    let uncounted = Uncounted::among(&host.cards, &host.settings.vendors);
    let counting: Vec<&GpuCard> = host.cards.iter().filter(|card| card.counts()).collect();
    let text = if global.json {
        document(&host, &counting)
    } else if global.verbose {
        table(&CardDetails::of_all(&host, &counting))
    } else {
        lines(&counting)
    };
    // The note leaves out what almost every server has.
    let noted = uncounted.without_management();
    notes.extend(noted.sentence().filter(|_| !global.json));
    Ok(Answer {
        notes,
        ..Answer::done(text)
    })
}

pub(crate) fn run_renumber(global: &Global, machine: &Machine) -> Result<Answer> {
    if !may_change(machine) {
        return Err(Error::NotRoot("reassign card names").into());
    }
    let mut vendors = Settings::of(machine).map_err(Error::from)?.vendors;
    vendors.extend(&global.vendors);
    renumber(machine, &vendors, global.timeout).map_err(Error::from)?;
    run(global, machine)
}

/// The details of `cards`, and the display functions that do not count.
pub(crate) fn document(host: &ThisHost, cards: &[&GpuCard]) -> String {
    let uncounted = Uncounted::among(&host.cards, &host.settings.vendors);
    let setting = uncounted.setting();
    let displays = uncounted.displays.iter().map(|(address, vendor)| {
        json!({
            "address": address.to_string(),
            "vendor": vendor.to_string(),
            "setting": setting,
        })
    });
    let details = CardDetails::of_all(host, cards);
    let cards: Vec<Value> = details.iter().map(CardDetails::json).collect();
    json::document_with("cards", cards, ("not_counted", displays.collect::<Value>()))
}

/// Name and node device of each card, as the original prints them.
fn lines(cards: &[&GpuCard]) -> String {
    let line = |card: &&GpuCard| format!("{} {}\n", card.name, card.display.address.node_device());
    cards.iter().map(line).collect()
}
