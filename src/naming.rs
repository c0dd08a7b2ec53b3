//! The cards of a machine under the names that stay with them.

use std::time::Duration;

use crate::binding::Refusal;
use crate::gpu::{GpuCard, Register, Registered};
use crate::host::{KeptError, LockError, Machine, SysfsError};
use crate::pci::{Identity, PciAddress, VendorId};

/// Why names cannot be given or kept.
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    /// The names cannot be read or written.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Somebody else is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The cards cannot be told.
    #[error(transparent)]
    Sysfs(#[from] SysfsError),
}

/// The cards of `machine` that one of `vendors` made, under their names. A card that has none yet
/// has the one that it will get.
///
/// # Errors
/// When sysfs or the names cannot be read.
pub fn named_cards(machine: &Machine, vendors: &[VendorId]) -> Result<Vec<GpuCard>, NamingError> {
    let mut cards = machine.cards(vendors)?;
    machine.names()?.name(&mut cards);
    Ok(cards)
}

/// Writes down the names of cards that have none yet, and gives `cards` those that are written down
/// by then; waits at most `deadline` for others who write.
///
/// # Errors
/// When they cannot be written down. The names hold until cards come or go.
pub fn record_names(
    machine: &Machine,
    cards: &mut [GpuCard],
    deadline: Duration,
) -> Result<(), NamingError> {
    let is_known = |names: &Register| {
        let mut slots = cards.iter().map(|card| card.slot());
        slots.all(|slot| names.at(slot).is_some())
    };
    if is_known(&machine.names()?) {
        return Ok(());
    }
    let _lock = machine.lock(deadline)?;
    let mut names = machine.names()?;
    // Somebody may have been quicker, and have given other names.
    cards.sort_by_key(|card| card.display.address);
    names.name(cards);
    let present = registered(machine, cards)?;
    let missed = names.missed(&present);
    // What may be a card that is missed at its place is not written down as another one: by it we
    // tell where that card seems to be.
    let is_new = |card: &Registered| {
        names.at(card.address.slot()).is_none() && !missed.contains(&card.identity)
    };
    let new: Vec<Registered> = present.into_iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(());
    }
    names.add(new);
    Ok(machine.keep_names(&names)?)
}

/// Names the cards anew, in the order of their addresses, and forgets those that are gone.
///
/// # Errors
/// When the new names cannot be written down; the old ones hold then.
pub fn renumber(
    machine: &Machine,
    vendors: &[VendorId],
    deadline: Duration,
) -> Result<Vec<GpuCard>, NamingError> {
    let _lock = machine.lock(deadline)?;
    let cards = machine.cards(vendors)?;
    let mut names = Register::default();
    names.add(registered(machine, &cards)?);
    machine.keep_names(&names)?;
    Ok(cards)
}

/// The cards at whose places others were recorded, and where those seem to be now.
///
/// # Errors
/// When sysfs or the names cannot be read.
pub fn misplaced(machine: &Machine, cards: &[GpuCard]) -> Result<Vec<Refusal>, NamingError> {
    let names = machine.names()?;
    let present = identities(machine, cards)?;
    let differing = present.iter().filter_map(|(address, found)| {
        let known = names.at(address.slot())?;
        (known.identity != *found).then(|| Refusal::Differs {
            name: known.name,
            recorded: known.identity,
            found: *found,
            gone_to: names.whereabouts(known, &present),
        })
    });
    Ok(differing.collect())
}

/// Who made the cards of which something is written down: they count, whatever was chosen since.
///
/// # Errors
/// When sysfs cannot be read.
pub fn recorded_vendors(machine: &Machine) -> Result<Vec<VendorId>, SysfsError> {
    let slots = machine.recorded_slots();
    let functions = machine.functions()?.into_iter();
    let recorded = functions.filter(|function| slots.contains(&function.address.slot()));
    Ok(recorded.map(|function| function.vendor).collect())
}

fn registered(machine: &Machine, cards: &[GpuCard]) -> Result<Vec<Registered>, SysfsError> {
    let identities = identities(machine, cards)?;
    let registered = identities.into_iter().filter_map(|(address, identity)| {
        let card = cards.iter().find(|card| card.display.address == address)?;
        Some(Registered {
            name: card.name,
            address,
            identity,
        })
    });
    Ok(registered.collect())
}

/// Which product each card is; one that is gone meanwhile is left out.
fn identities(
    machine: &Machine,
    cards: &[GpuCard],
) -> Result<Vec<(PciAddress, Identity)>, SysfsError> {
    let mut identities = Vec::new();
    for card in cards {
        let address = card.display.address;
        let identity = machine.identity(address)?;
        identities.extend(identity.map(|identity| (address, identity)));
    }
    Ok(identities)
}
