//! The cards of a host under their recorded names.

use std::time::Duration;

use crate::binding::Refusal;
use crate::gpu::{GpuCard, Register, Registered};
use crate::host::{LockError, Machine, StateFileError, SysfsError};
use crate::pci::{Identity, PciAddress, PciSlot, VendorId};

/// Why card names cannot be read or recorded.
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    /// The file of names cannot be read or written.
    #[error(transparent)]
    StateFile(#[from] StateFileError),
    /// Another gpupci or hook holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The PCI functions cannot be read.
    #[error(transparent)]
    Sysfs(#[from] SysfsError),
}

/// The cards of `machine`, with their names if they are from one of `vendors`. A card without a recorded
/// name has the name that it will get.
///
/// # Errors
/// If sysfs or the names cannot be read.
pub fn named_cards(machine: &Machine, vendors: &[VendorId]) -> Result<Vec<GpuCard>, NamingError> {
    let mut cards = machine.cards(vendors)?;
    machine.names()?.name(&mut cards);
    Ok(cards)
}

/// Records names for cards that count and have none yet, and gives `cards` their recorded names. Waits at
/// most `deadline` for the lock.
///
/// # Errors
/// If they cannot be recorded. The names then hold until cards are added or removed.
pub fn record_names(
    machine: &Machine,
    cards: &mut [GpuCard],
    deadline: Duration,
) -> Result<(), NamingError> {
    let is_known = |names: &Register| {
        let mut counting = cards.iter().filter(|card| card.counts());
        counting.all(|card| names.at(card.slot()).is_some())
    };
    if is_known(&machine.names()?) {
        return Ok(());
    }
    let _lock = machine.lock(deadline)?;
    let mut names = machine.names()?;
    // Another process may have recorded other names in the meantime.
    cards.sort_by_key(|card| card.display.address);
    names.name(cards);
    let present = registered(machine, cards)?;
    let replaced = names.replaced(&present);
    // A new card of the same product as a missing one may be that card in another slot. It is not
    // recorded, so that `new_address_of` still finds it.
    let is_new = |card: &Registered| {
        names.at(card.address.slot()).is_none() && !replaced.contains(&card.identity)
    };
    let new: Vec<Registered> = present.into_iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    names.add(new);
    Ok(machine.save_names(&names)?)
}

/// Reassigns the names of all cards that count, in the order of their addresses, and forgets removed
/// cards.
///
/// # Errors
/// If the new names cannot be recorded; the old ones then remain.
pub fn renumber(
    machine: &Machine,
    vendors: &[VendorId],
    deadline: Duration,
) -> Result<Vec<GpuCard>, NamingError> {
    let _lock = machine.lock(deadline)?;
    let cards = machine.cards(vendors)?;
    let mut names = Register::default();
    names.add(registered(machine, &cards)?);
    machine.save_names(&names)?;
    Ok(cards)
}

/// The slots that hold another product than recorded, and where the recorded card seems to be now.
///
/// # Errors
/// If sysfs or the names cannot be read.
pub fn replaced_cards(
    machine: &Machine,
    cards: &[GpuCard],
) -> Result<Vec<(PciSlot, Refusal)>, NamingError> {
    let names = machine.names()?;
    let present = identities(machine, cards, &names)?;
    let differing = present.iter().filter_map(|(address, found)| {
        let known = names.at(address.slot())?;
        let differs = || Refusal::Differs {
            name: known.name,
            recorded: known.identity,
            found: *found,
            gone_to: names.new_address_of(known, &present),
        };
        (known.identity != *found).then(|| (address.slot(), differs()))
    });
    Ok(differing.collect())
}

/// The cards that count, with their ids.
fn registered(machine: &Machine, cards: &[GpuCard]) -> Result<Vec<Registered>, SysfsError> {
    let identities = identities(machine, cards, &Register::default())?;
    let registered = identities.into_iter().filter_map(|(address, identity)| {
        let mut counting = cards.iter().filter(|card| card.counts());
        let card = counting.find(|card| card.display.address == address)?;
        Some(Registered {
            name: card.name,
            address,
            identity,
        })
    });
    Ok(registered.collect())
}

/// The ids of each card, except of cards that have gone in the meantime: those of the function that is recorded,
/// because the settings choose the display of a card with displays of two vendors.
fn identities(
    machine: &Machine,
    cards: &[GpuCard],
    names: &Register,
) -> Result<Vec<(PciAddress, Identity)>, SysfsError> {
    let mut identities = Vec::new();
    for card in cards {
        let known = names.at(card.slot()).map(|known| known.address);
        let known = known.filter(|address| card.has(*address));
        let address = known.unwrap_or(card.display.address);
        let identity = machine.identity(address)?;
        identities.extend(identity.map(|identity| (address, identity)));
    }
    Ok(identities)
}
