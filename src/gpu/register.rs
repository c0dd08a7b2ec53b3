//! The record of card names: which name belongs to which slot, and which product was there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::escape::Excerpt;
use crate::gpu::{CardName, GpuCard};
use crate::pci::{Identity, PciAddress, PciSlot, VendorId, id_from_sysfs};

const VERSION: u32 = 1;

/// A card with a recorded name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its name.
    pub name: CardName,
    /// Its display function.
    pub address: PciAddress,
    /// Its ids.
    pub identity: Identity,
}

/// The recorded names, by slot. A card that was removed keeps its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    cards: BTreeMap<PciSlot, Registered>,
}

/// Why recorded names cannot be parsed.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// The text is not a list of cards.
    #[error("not a valid list of cards: line {}, column {}", .0.line(), .0.column())]
    Grammar(serde_json::Error),
    /// It was written by another release.
    #[error("version {0} is not supported; this program reads version {VERSION}")]
    Version(u32),
    /// A card has an invalid name, address or id.
    #[error("card {} has an invalid name, address or id", Excerpt(.0))]
    Card(String),
    /// Two cards have the same name or the same slot.
    #[error("card {} repeats the name or the slot of another card", Excerpt(.0))]
    Twice(String),
}

impl Register {
    /// The recorded cards, by address.
    pub fn cards(&self) -> impl Iterator<Item = &Registered> {
        self.cards.values()
    }

    /// The record of the card in `slot`.
    pub fn at(&self, slot: PciSlot) -> Option<&Registered> {
        self.cards.get(&slot)
    }

    /// Gives those of `cards` that count their recorded names. New cards get the lowest free names, in the
    /// order of their addresses.
    pub fn name(&self, cards: &mut [GpuCard]) {
        let mut taken: BTreeSet<CardName> = self.cards.values().map(|card| card.name).collect();
        let mut free = (0..).map_while(CardName::nth);
        for card in cards.iter_mut().filter(|card| card.counts()) {
            let known = self.at(card.slot());
            let next = || free.find(|name| taken.insert(*name));
            if let Some(name) = known.map(|known| known.name).or_else(next) {
                card.name = name;
            }
        }
        cards.sort_by_key(|card| card.name);
    }

    /// Records `cards`, except those whose slot is recorded already.
    pub fn add(&mut self, cards: impl IntoIterator<Item = Registered>) {
        for card in cards {
            self.cards.entry(card.address.slot()).or_insert(card);
        }
    }

    /// The ids of the recorded cards in whose slots `present` has other products.
    pub fn replaced(&self, present: &[Registered]) -> Vec<Identity> {
        let replaced = present.iter().filter_map(|card| {
            let known = self.at(card.address.slot())?;
            (known.identity != card.identity).then_some(known.identity)
        });
        replaced.collect()
    }

    /// Where the recorded card `lost` seems to be now: the only slot where `present` has the same
    /// product and none was recorded.
    pub fn new_address_of(
        &self,
        lost: &Registered,
        present: &[(PciAddress, Identity)],
    ) -> Option<PciAddress> {
        let is_new = |address: PciAddress| {
            let known = self.at(address.slot());
            known.is_none_or(|known| known.identity != lost.identity)
        };
        let mut matches = present
            .iter()
            .filter(|(address, identity)| *identity == lost.identity && is_new(*address));
        let first = matches.next()?;
        matches.next().is_none().then_some(first.0)
    }

    /// Parses the output of [`Register::to_json`].
    ///
    /// # Errors
    /// If the text is something else.
    pub fn from_json(text: &str) -> Result<Self, RegisterError> {
        let file: File = serde_json::from_str(text).map_err(RegisterError::Grammar)?;
        if file.version != VERSION {
            return Err(RegisterError::Version(file.version));
        }
        let mut register = Self::default();
        let mut names = BTreeSet::new();
        for line in &file.cards {
            let card = line
                .read()
                .ok_or_else(|| RegisterError::Card(line.name.clone()))?;
            let former = register.cards.insert(card.address.slot(), card);
            if former.is_some() || !names.insert(card.name) {
                return Err(RegisterError::Twice(line.name.clone()));
            }
        }
        Ok(register)
    }

    /// The names as they are stored, sorted.
    pub fn to_json(&self) -> String {
        let mut cards: Vec<&Registered> = self.cards.values().collect();
        cards.sort_by_key(|card| card.name);
        let file = File {
            version: VERSION,
            cards: cards.into_iter().map(Line::of).collect(),
        };
        // Text and numbers always serialize.
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    cards: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    address: String,
    vendor: String,
    device: String,
    subsystem_vendor: Option<String>,
    subsystem_device: Option<String>,
}

impl Line {
    fn of(card: &Registered) -> Self {
        let identity = &card.identity;
        let hex = |id: u16| format!("{id:04x}");
        Self {
            name: card.name.to_string(),
            address: card.address.to_string(),
            vendor: identity.vendor.to_string(),
            device: hex(identity.device),
            subsystem_vendor: identity.subsystem.map(|(vendor, _)| hex(vendor)),
            subsystem_device: identity.subsystem.map(|(_, device)| hex(device)),
        }
    }

    fn read(&self) -> Option<Registered> {
        let id = |text: &str| id_from_sysfs(&format!("0x{text}"));
        let subsystem = match (&self.subsystem_vendor, &self.subsystem_device) {
            (Some(vendor), Some(device)) => Some((id(vendor)?, id(device)?)),
            (None, None) => None,
            _ => return None,
        };
        Some(Registered {
            name: self.name.parse().ok()?,
            address: self.address.parse().ok()?,
            identity: Identity {
                vendor: VendorId::from_digits(&self.vendor)?,
                device: id(&self.device)?,
                subsystem,
            },
        })
    }
}
