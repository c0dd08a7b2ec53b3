//! The cards that arguments name.

use std::fmt;

use crate::escape::printable;
use crate::failure::{Code, Failure};
use crate::gpu::{CardName, GpuCard};
use crate::pci::PciAddress;

/// An argument that names no card of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchCard(pub String);

impl fmt::Display for NoSuchCard {
    /// The original's words, which scripts look for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPU card {} not found", printable(self.0.as_bytes()))
    }
}

impl std::error::Error for NoSuchCard {}

impl Failure for NoSuchCard {
    fn codes(&self) -> Vec<Code> {
        vec![Code::UnknownCard]
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The cards that `words` name, each once, in the order of the words: a name, an address of any function in
/// any spelling, or `all`. Only cards that count have names and are meant by `all`.
pub fn select<'c>(words: &[String], cards: &'c [GpuCard]) -> (Vec<&'c GpuCard>, Vec<NoSuchCard>) {
    let mut chosen: Vec<&GpuCard> = Vec::new();
    let mut missing = Vec::new();
    for word in words {
        let meant: Vec<&GpuCard> = if word.eq_ignore_ascii_case("all") {
            cards.iter().filter(|card| card.counts()).collect()
        } else {
            cards.iter().filter(|card| is_meant(card, word)).collect()
        };
        if meant.is_empty() && !word.eq_ignore_ascii_case("all") {
            missing.push(NoSuchCard(word.clone()));
        }
        for card in meant {
            if !chosen.iter().any(|one| one.name == card.name) {
                chosen.push(card);
            }
        }
    }
    (chosen, missing)
}

fn is_meant(card: &GpuCard, word: &str) -> bool {
    if let Ok(name) = word.parse::<CardName>() {
        return name == card.name;
    }
    let Ok(address) = word.parse::<PciAddress>() else {
        return false;
    };
    // `0000:02:00` names the slot, whichever functions it has.
    let is_slot = !word.contains('.') && !word.to_ascii_lowercase().starts_with("pci_");
    card.has(address) || is_slot && card.slot() == address.slot()
}
