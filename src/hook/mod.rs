//! What the libvirt hook does at each step of a guest (libvirt's `docs/hooks.rst`): detaches its cards at
//! `prepare`, restores them at `release`. It never calls libvirt, and never fails a step in which a failure
//! would kill a running guest.

mod input;
mod judge;
mod judgement;
mod lookup;
mod migrate;
mod other_devices;
mod prepare;
mod refusal;
mod release;

pub use input::InputError;
pub use judgement::Judgement;
pub use refusal::{CardPart, HookRefusal};
pub use release::FunctionsGone;

use std::time::{Duration, Instant};

use crate::domain_xml::{Claim, GuestIdentity, claims, guest_identity};
use crate::failure::Code;
use crate::gpu::GpuCard;
use crate::handover::{CardResult, Guest, Handover};
use crate::hook::lookup::Lookup;
use crate::host::{LogPriority, Machine};
use crate::pci::PciAddress;

/// An operation in which the hook acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The guest is about to start.
    Prepare,
    /// The guest has ended or failed to start, and libvirt has released its devices.
    Release,
    /// The daemon restarted and found the guest running.
    Reconnect,
    /// The guest migrates to this host or is restored: its XML may be changed.
    Incoming,
}

/// The result of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to say.
    Quiet,
    /// The guest must not start: the reason and what to do, in one line.
    Refused(String),
    /// This XML replaces the guest's own.
    Xml(Vec<u8>),
}

/// The hook on a machine.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'m> {
    /// The machine.
    pub machine: &'m Machine,
    /// How long one write to the kernel may take.
    pub deadline: Duration,
}

impl Operation {
    /// The operation of this name. `None` for those in which the hook does nothing, known or not.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "prepare" => Some(Self::Prepare),
            "release" => Some(Self::Release),
            "reconnect" => Some(Self::Reconnect),
            "migrate" | "restore" => Some(Self::Incoming),
            _ => None,
        }
    }
}

impl Hook<'_> {
    /// Performs `operation` for the guest with this name and domain XML.
    pub fn run(&self, operation: Operation, name: &str, xml: Result<&[u8], InputError>) -> Outcome {
        match (operation, xml) {
            (Operation::Prepare, xml) => self.prepare(name, xml),
            (Operation::Release, xml) => self.release(name, xml),
            (Operation::Reconnect, Ok(xml)) => self.reconnect(xml),
            (Operation::Incoming, Ok(xml)) => self.migrate(xml),
            // A failure would kill a running guest, or lose the one that arrives.
            (Operation::Reconnect | Operation::Incoming, Err(_)) => Outcome::Quiet,
        }
    }

    fn reconnect(&self, xml: &[u8]) -> Outcome {
        let claims = claims(xml);
        if let Ok(guest) = guest_of(xml)
            && !claims.is_empty()
            && let Ok(lookup) = self.all_cards()
            && let Ok(_lock) = self.machine.lock(self.deadline)
        {
            let cards = lookup.cards.iter();
            let claimed = cards.filter(|card| is_claimed(card, &claims));
            let handover = self.handover(&lookup);
            handover.relearn(&guest, &claimed.collect::<Vec<_>>());
        }
        Outcome::Quiet
    }

    fn handover(&self, lookup: &Lookup) -> Handover<'_> {
        let cards = lookup.cards.clone();
        Handover::new(self.machine, &lookup.settings, cards, self.deadline)
    }

    /// Logs a card that was detached or restored.
    fn log_card(
        &self,
        guest: &Guest,
        card: &str,
        done: &CardResult,
        from: &str,
        to: &str,
        since: Instant,
    ) {
        if !done.functions.iter().all(|function| function.was_already) {
            let ms = since.elapsed().as_millis().to_string();
            let line = format!("{card}: from {from} to {to} for {} in {ms} ms", guest.name);
            let fields = [
                ("GPUPT_GUEST", guest.name.as_str()),
                ("GPUPT_UUID", guest.uuid.as_str()),
                ("GPUPT_CARD", card),
                ("GPUPT_FROM", from),
                ("GPUPT_TO", to),
                ("GPUPT_MS", &ms),
            ];
            self.machine.log(LogPriority::Info, &line, &fields);
        }
        for note in &done.notes {
            self.log(LogPriority::Info, &format!("{card}: {note}"), guest);
        }
    }

    /// A field may occur more than once in the journal, so each code can be searched for.
    fn log_failure(&self, line: &str, guest: &Guest, codes: &[Code]) {
        let mut fields = vec![
            ("GPUPT_GUEST", guest.name.as_str()),
            ("GPUPT_UUID", guest.uuid.as_str()),
        ];
        fields.extend(codes.iter().map(|code| ("GPUPT_CODE", code.word())));
        self.machine.log(LogPriority::Error, line, &fields);
    }

    /// Logs a failure for a guest of which only the name is known.
    fn log_failure_of(&self, name: &str, line: &str, codes: &[Code]) {
        let codes = codes.iter().map(|code| ("GPUPT_CODE", code.word()));
        let fields: Vec<(&str, &str)> = [("GPUPT_GUEST", name)].into_iter().chain(codes).collect();
        self.machine.log(LogPriority::Error, line, &fields);
    }

    fn log(&self, priority: LogPriority, line: &str, guest: &Guest) {
        let fields = [
            ("GPUPT_GUEST", guest.name.as_str()),
            ("GPUPT_UUID", guest.uuid.as_str()),
        ];
        self.machine.log(priority, line, &fields);
    }
}

/// The guest of a document. libvirt always gives a uuid.
fn guest_of(xml: &[u8]) -> Result<Guest, InputError> {
    let GuestIdentity { name, uuid } = guest_identity(xml).ok_or(InputError::NotADomain)?;
    let uuid = uuid.ok_or(InputError::NoUuid)?;
    Ok(Guest { uuid, name })
}

fn functions_of(claims: &[Claim]) -> impl Iterator<Item = PciAddress> {
    claims.iter().filter_map(Claim::function)
}

fn is_claimed(card: &GpuCard, claims: &[Claim]) -> bool {
    functions_of(claims).any(|function| card.has(function))
}
