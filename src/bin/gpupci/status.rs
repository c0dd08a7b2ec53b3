//! `gpupci status`: the driver of each function of a card.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::gpu::GpuCard;
use gpupt::host::Machine;

use crate::args::Global;
use crate::card_details::{CardDetails, table};
use crate::list::document;
use crate::report::Answer;
use crate::this_host::ThisHost;

pub(crate) fn run(words: &[String], global: &Global, machine: &Machine) -> Result<Answer> {
    let host = ThisHost::of(global, machine)?;
    let all = ["all".to_owned()];
    let words = if words.is_empty() { &all } else { words };
    let (cards, missing) = host.select(words);
    let text = if global.json {
        document(&host, &cards)
    } else if global.verbose {
        table(&CardDetails::of_all(&host, &cards))
    } else {
        let lines: Result<Vec<String>, Error> =
            cards.iter().map(|card| lines(card, machine)).collect();
        lines?.concat()
    };
    Ok(Answer::done(text).and(missing))
}

/// The functions of a card, in the original's words.
fn lines(card: &GpuCard, machine: &Machine) -> Result<String, Error> {
    let mut text = String::new();
    for function in &card.functions {
        let (name, address, kind) = (card.name, function.address, function.class.kind());
        let linked = match machine.driver(address)? {
            Some(driver) => format!("linked to bus/pci/drivers/{driver} driver"),
            None => "not linked to any driver".to_owned(),
        };
        text += &format!("GPU card '{name}' {kind} device {address} is {linked}\n");
    }
    Ok(text)
}
