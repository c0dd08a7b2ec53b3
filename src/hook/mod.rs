//! What libvirt's hook does at each step of a guest (libvirt's `docs/hooks.rst`): the card on the
//! stub driver at `prepare`, undone at `release`. It never calls libvirt, and never fails a step in
//! which a failure would end a guest that runs.

use std::time::{Duration, Instant};

use crate::domain_xml::{Claim, GuestIdentity, claims, guest_identity};
use crate::excerpt::printable;
use crate::gpu::{GpuCard, Registered};
use crate::handover::{CardError, Done, Guest, Handover};
use crate::host::{Machine, Weight};
use crate::naming::{named_cards, recorded_vendors};
use crate::pci::PciAddress;
use crate::{Error, Settings, sentence};

/// How many writes of another program are waited for.
const PATIENCE: u32 = 2;

/// A step of a guest that we have to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is to start; nothing is done yet.
    Prepare,
    /// It has ended, or did not start; all is given back.
    Release,
    /// It runs, and the daemon has found it again.
    Reconnect,
    /// It comes from another host, or from an image: its XML may be changed.
    Arrive,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to say.
    Quiet,
    /// The guest cannot start, for this reason: a full sentence, and what to do.
    Refused(String),
    /// The guest gets this XML in place of its own.
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
    /// The step that libvirt calls so; `None` for those that are none of our business, and for those
    /// that are to come.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "prepare" => Some(Self::Prepare),
            "release" => Some(Self::Release),
            "reconnect" => Some(Self::Reconnect),
            "migrate" | "restore" => Some(Self::Arrive),
            _ => None,
        }
    }
}

impl Hook<'_> {
    /// Does what `operation` of the guest with this domain XML asks for.
    pub fn run(&self, operation: Operation, xml: &[u8]) -> Outcome {
        match operation {
            Operation::Prepare => self.prepare(xml),
            Operation::Release => self.release(xml),
            Operation::Reconnect => self.reconnect(xml),
            Operation::Arrive => self.arrive(xml),
        }
    }

    fn prepare(&self, xml: &[u8]) -> Outcome {
        let claims = claims(xml);
        let Some(guest) = guest_of(xml).filter(|_| !claims.is_empty()) else {
            return Outcome::Quiet;
        };
        let started = Instant::now();
        let prepared = self.prepare_guest(&guest, &claims);
        let refused = prepared.as_ref().err();
        // `gpupci why` asks for it; that it cannot be written is no reason for anything.
        let said = refused.map(String::as_str);
        let has_cards = !matches!(&prepared, Ok(cards) if cards.is_empty());
        if has_cards {
            let _ = self.machine.keep_start(&guest.uuid, &guest.name, said);
        }
        match prepared {
            Ok(cards) => {
                for (card, done) in &cards {
                    self.tell(&guest, card, done, "host", "guest", started);
                }
                Outcome::Quiet
            }
            Err(why) => {
                let line = format!("guest {} cannot start: {why}", guest.name);
                self.log(Weight::Failed, &line, &guest);
                Outcome::Refused(why)
            }
        }
    }

    /// The cards that were made ready, or why one could not.
    fn prepare_guest(
        &self,
        guest: &Guest,
        claims: &[Claim],
    ) -> Result<Vec<(String, Done)>, String> {
        let looked = self.cards();
        let (settings, cards) = match looked {
            Err(_) if !self.may_be_cards(claims) => return Ok(Vec::new()),
            looked => looked.map_err(sorry)?,
        };
        self.refuse_missing(&cards, claims)?;
        let handover = Handover::new(self.machine, &settings, cards.clone(), self.deadline);
        let wanted: Vec<&GpuCard> = cards
            .iter()
            .filter(|card| is_claimed(card, claims))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.refuse_split(&wanted, claims)?;
        let lock = self.machine.lock(self.deadline * PATIENCE);
        let _lock = lock.map_err(|error| sorry(error.into()))?;
        let done = handover.prepare(guest, &wanted).map_err(|e| refusal(&e))?;
        let names = wanted.iter().map(|card| card.name.to_string());
        Ok(names.zip(done).collect())
    }

    /// The settings, and all cards that count: those of vendors that were chosen since, too.
    fn cards(&self) -> Result<(Settings, Vec<GpuCard>), Error> {
        let mut settings = Settings::of(self.machine)?;
        settings.vendors.extend(recorded_vendors(self.machine)?);
        let cards = named_cards(self.machine, &settings.vendors)?;
        Ok((settings, cards))
    }

    /// Whether something that is claimed may be a card, as far as that can be told when nothing else
    /// can: a guest without cards does not suffer from our troubles.
    fn may_be_cards(&self, claims: &[Claim]) -> bool {
        let recorded = self.machine.recorded_slots();
        functions_of(claims).any(|function| {
            let class = self.machine.class(function).ok().flatten();
            class.is_some_and(|class| class.is_display()) || recorded.contains(&function.slot())
        })
    }

    /// Where a card was recorded and something else sits now, that something is not for guests.
    fn refuse_missing(&self, cards: &[GpuCard], claims: &[Claim]) -> Result<(), String> {
        let names = self.machine.names().map_err(|error| sorry(error.into()))?;
        for function in functions_of(claims) {
            let is_card = cards.iter().any(|card| card.has(function));
            let known = names.at(function.slot()).filter(|_| !is_card);
            // A card of a vendor that does not count any more is what it was.
            let is_other = |known: &&Registered| {
                let found = self.machine.identity(known.address).ok().flatten();
                self.machine.has_slot(function.slot()) && found != Some(known.identity)
            };
            if let Some(known) = known.filter(is_other) {
                return Err(format!(
                    "{} was recorded at {}, but what is there now is no such card. What to do: \
                     compare `gpupci list -v` with what you expect, then `gpupci renumber`.",
                    known.name,
                    known.address.slot()
                ));
            }
        }
        Ok(())
    }

    /// A card is the guest's or the host's: a guest cannot have one and also a part of it that needs
    /// the host driver.
    fn refuse_split(&self, wanted: &[&GpuCard], claims: &[Claim]) -> Result<(), String> {
        for card in wanted {
            let functions = || card.functions.iter().map(|function| function.address);
            for claim in claims {
                let part = match claim {
                    Claim::Function(_) => continue,
                    Claim::Mediated(uuid) => functions()
                        .any(|f| self.machine.mediated_devices(f).contains(uuid))
                        .then(|| format!("its mediated device {uuid}")),
                    Claim::RenderNode(path) => functions()
                        .any(|f| self.machine.nodes(f).iter().any(|node| node.path == *path))
                        .then(|| format!("its render node {path}")),
                };
                if let Some(part) = part {
                    return Err(format!(
                        "it claims {} ({}) as a whole, and {}, which needs the card on the host. \
                         What to do: take one of the two out of its XML.",
                        card.name,
                        card.display.address.slot(),
                        printable(part.as_bytes())
                    ));
                }
            }
        }
        Ok(())
    }

    fn release(&self, xml: &[u8]) -> Outcome {
        if self.machine.recorded_slots().is_empty() {
            return Outcome::Quiet;
        }
        if let Some(guest) = guest_of(xml)
            && let Err(error) = self.release_guest(&guest)
        {
            let line = format!(
                "the cards of {} are not given back: {}; `gpupci recover` does it",
                guest.name,
                sentence(&error)
            );
            self.log(Weight::Failed, &line, &guest);
        }
        Outcome::Quiet
    }

    fn release_guest(&self, guest: &Guest) -> Result<(), Error> {
        let started = Instant::now();
        let _lock = self.machine.lock(self.deadline * PATIENCE)?;
        let mut settings = Settings::of(self.machine)?;
        settings.vendors.extend(recorded_vendors(self.machine)?);
        let cards = named_cards(self.machine, &settings.vendors)?;
        let handover = Handover::new(self.machine, &settings, cards, self.deadline);
        for released in handover.release(&guest.uuid) {
            match released.result {
                Ok(done) => {
                    let name = released.name.to_string();
                    self.tell(guest, &name, &done, "guest", "host", started);
                }
                Err(error) => self.log(Weight::Failed, &refusal(&error), guest),
            }
        }
        Ok(())
    }

    fn reconnect(&self, xml: &[u8]) -> Outcome {
        let claims = claims(xml);
        if let Some(guest) = guest_of(xml).filter(|_| !claims.is_empty())
            && let Ok(settings) = Settings::of(self.machine)
            && let Ok(cards) = named_cards(self.machine, &settings.vendors)
            && let Ok(_lock) = self.machine.lock(self.deadline)
        {
            let handover = Handover::new(self.machine, &settings, cards.clone(), self.deadline);
            let claimed = cards.iter().filter(|card| is_claimed(card, &claims));
            handover.relearn(&guest, &claimed.collect::<Vec<_>>());
        }
        Outcome::Quiet
    }

    /// A guest that comes from elsewhere has its cards where they are here. Who knows is the cluster's
    /// database, which only `gpupci` asks.
    fn arrive(&self, xml: &[u8]) -> Outcome {
        let Some(guest) = guest_of(xml) else {
            return Outcome::Quiet;
        };
        let retargeted = self.machine.splice(&guest.name, true, xml);
        let arrived = match retargeted {
            Ok(arrived) => arrived,
            Err(why) => {
                let line = format!("{}: its XML is left as it is: {why}", guest.name);
                self.log(Weight::Done, &line, &guest);
                return Outcome::Quiet;
            }
        };
        let complete = self.machine.splice(&guest.name, false, &arrived);
        if complete.is_ok_and(|complete| complete != arrived) {
            let line = format!(
                "{} starts without its card, which its image does not have; libvirt lets nobody add \
                 one now. When it runs: `gpupci detach` the card, virsh dumpxml --inactive {} | \
                 gpupci splice -- {}, and virsh attach-device with the <hostdev> that this adds",
                guest.name,
                guest.uuid,
                quoted(&guest.name)
            );
            self.log(Weight::Failed, &line, &guest);
        }
        match arrived == xml {
            true => Outcome::Quiet,
            false => Outcome::Xml(arrived),
        }
    }

    /// One line for each card that changed hands.
    fn tell(&self, guest: &Guest, card: &str, done: &Done, from: &str, to: &str, since: Instant) {
        if done.functions.iter().all(|handed| handed.was_so) {
            return;
        }
        let ms = since.elapsed().as_millis().to_string();
        let line = format!("{card}: from {from} to {to} for {} in {ms} ms", guest.name);
        let fields = [
            ("GPUPT_GUEST", guest.name.as_str()),
            ("GPUPT_UUID", &guest.uuid),
            ("GPUPT_CARD", card),
            ("GPUPT_FROM", from),
            ("GPUPT_TO", to),
            ("GPUPT_MS", &ms),
        ];
        self.machine.log(Weight::Done, &line, &fields);
    }

    fn log(&self, weight: Weight, line: &str, guest: &Guest) {
        let fields = [
            ("GPUPT_GUEST", guest.name.as_str()),
            ("GPUPT_UUID", &guest.uuid),
        ];
        self.machine.log(weight, line, &fields);
    }
}

/// The guest of a document; one without a uuid is none of libvirt's.
fn guest_of(xml: &[u8]) -> Option<Guest> {
    let GuestIdentity { name, uuid } = guest_identity(xml)?;
    Some(Guest { uuid: uuid?, name })
}

fn functions_of(claims: &[Claim]) -> impl Iterator<Item = PciAddress> {
    claims.iter().filter_map(|claim| match claim {
        Claim::Function(function) => Some(*function),
        Claim::Mediated(_) | Claim::RenderNode(_) => None,
    })
}

fn is_claimed(card: &GpuCard, claims: &[Claim]) -> bool {
    claims
        .iter()
        .any(|claim| matches!(claim, Claim::Function(function) if card.has(*function)))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Why nothing can be done for any card, in one line that says what to do.
fn sorry(error: Error) -> String {
    let remedy = error.remedy();
    let remedy = remedy.unwrap_or("mend that, then start the guest again");
    format!(
        "its cards cannot be made ready: {}. What to do: {remedy}.",
        sentence(&error)
    )
}

/// Why a card is not to be had, in one line that says what to do.
fn refusal(error: &CardError) -> String {
    let what = match error.verb {
        "prepare" => "its card cannot be made ready",
        _ => "its card cannot be given back",
    };
    format!(
        "{what}: {} ({}): {}. Now: {}. What to do: {}.",
        error.name,
        error.slot,
        error.causes().join("; "),
        error.state(),
        error.remedies().join("; ")
    )
}
