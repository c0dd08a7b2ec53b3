//! Restores the cards of a guest that has ended. The records say which: the XML is needed only for the uuid.

use std::fmt;
use std::time::Instant;

use crate::error::Error;
use crate::escape::printable;
use crate::failure::{Code, Failure, line, sentence};
use crate::handover::{Guest, Released};
use crate::hook::input::InputError;
use crate::hook::{Hook, Outcome, guest_of};
use crate::pci::{PciAddress, PciSlot};

/// How many write deadlines `release` waits for another program: 10 minutes with the hook's own deadline. Nothing
/// else restores the cards of a guest that has ended, and a command for many cards can take that long.
const DEADLINES_WAITED: u32 = 20;

impl Hook<'_> {
    pub(super) fn release(&self, name: &str, xml: Result<&[u8], InputError>) -> Outcome {
        for unread in self.machine.record_errors() {
            let line = format!(
                "cannot tell whether {name} has this card: {}; run `gpupci recover`",
                sentence(&unread)
            );
            self.log_failure_of(name, &line, &unread.codes());
        }
        let guests = match xml.and_then(guest_of) {
            Ok(guest) => vec![guest],
            Err(why) => self.guests_named(name, &why),
        };
        for guest in guests {
            // Without cards of this guest there is no need to wait for the lock.
            if !self.machine.slots_held_by(&guest.uuid).is_empty()
                && let Err(error) = self.release_guest(&guest)
            {
                let line = format!(
                    "the cards of {} were not restored: {}; run `gpupci recover`",
                    guest.name,
                    sentence(&error)
                );
                self.log_failure(&line, &guest, &error.codes());
            }
        }
        Outcome::Quiet
    }

    /// The guests of this name that the records have. No two guests with the same name run at once, so all but
    /// one have ended before.
    fn guests_named(&self, name: &str, why: &InputError) -> Vec<Guest> {
        let uuids = self.machine.holders_named(name).into_iter();
        let name = name.to_owned();
        let guests: Vec<Guest> = uuids
            .map(|uuid| Guest {
                uuid,
                name: name.clone(),
            })
            .collect();
        if !guests.is_empty() {
            let line = format!("the cards of {name} are found by its name: {why}");
            self.log_failure_of(&name, &line, &why.codes());
        }
        guests
    }

    fn release_guest(&self, guest: &Guest) -> Result<(), Error> {
        let started = Instant::now();
        let _lock = self.machine.lock(self.deadline * DEADLINES_WAITED)?;
        let lookup = self.all_cards()?;
        for released in self.handover(&lookup).release(&guest.uuid) {
            self.log_missing(guest, &released);
            match &released.result {
                Ok(done) => {
                    self.log_card(guest, &released.name, done, "guest", "host", started);
                }
                Err(error) => self.log_failure(&line(error), guest, &error.codes()),
            }
        }
        Ok(())
    }

    /// Logs the functions that disappeared while the guest had the card.
    fn log_missing(&self, guest: &Guest, released: &Released) {
        if !released.missing.is_empty() {
            let error = FunctionsGone {
                card: released.name.clone(),
                slot: released.slot,
                guest: guest.name.clone(),
                functions: released.missing.clone(),
            };
            self.log_failure(&line(&error), guest, &error.codes());
        }
    }
}

/// Functions of a card that disappeared while a guest had it.
#[derive(Debug)]
pub struct FunctionsGone {
    /// The card.
    pub card: String,
    /// Its slot.
    pub slot: PciSlot,
    /// The guest.
    pub guest: String,
    /// The functions.
    pub functions: Vec<PciAddress>,
}

impl fmt::Display for FunctionsGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<String> = self.functions.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} of {} ({}) disappeared while guest {} had the card",
            functions.join(", "),
            self.card,
            self.slot,
            printable(self.guest.as_bytes())
        )
    }
}

impl std::error::Error for FunctionsGone {}

impl Failure for FunctionsGone {
    fn codes(&self) -> Vec<Code> {
        vec![Code::FunctionGone]
    }

    fn remedies(&self) -> Vec<String> {
        vec!["check `dmesg` for messages about the card".to_owned()]
    }
}
