//! This host and its cards, for all commands about cards.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::exit::Exit;
use gpupt::failure::Failure;
use gpupt::gpu::GpuCard;
use gpupt::handover::{Handover, NoSuchCard, select};
use gpupt::host::{Lock, Machine};
use gpupt::naming::named_cards;
use gpupt::settings::Settings;

use crate::args::Global;
use crate::report::Answer;

/// How long to wait for the lock, in multiples of `--timeout`: its owner may hang in a few writes.
const LOCK_WAIT_IN_WRITES: u32 = 4;

/// This host and its cards.
pub(crate) struct ThisHost<'m> {
    pub(crate) machine: &'m Machine,
    pub(crate) settings: Settings,
    pub(crate) global: &'m Global,
    /// All cards, by name: also those that do not count.
    pub(crate) cards: Vec<GpuCard>,
}

impl<'m> ThisHost<'m> {
    /// Reads the cards of this host.
    pub(crate) fn of(global: &'m Global, machine: &'m Machine) -> Result<Self> {
        let mut settings = Settings::of(machine).map_err(Error::from)?;
        settings.vendors.extend(&global.vendors);
        Ok(Self {
            cards: named_cards(machine, &settings.vendors).map_err(Error::from)?,
            machine,
            settings,
            global,
        })
    }

    /// The same for a command that changes something: it needs root, and the lock. The cards are read
    /// after the lock is taken.
    pub(crate) fn lock_for_change(
        what: &'static str,
        global: &'m Global,
        machine: &'m Machine,
    ) -> Result<(Self, Lock)> {
        let lock = lock_for_change(what, global, machine)?;
        Ok((Self::of(global, machine)?, lock))
    }

    /// The handover of these cards.
    pub(crate) fn handover(&self) -> Handover<'m> {
        let cards = self.cards.clone();
        Handover::new(self.machine, &self.settings, cards, self.global.timeout)
    }

    /// The cards that `words` name, and an answer with an error for each word that names none.
    pub(crate) fn select(&self, words: &[String]) -> (Vec<&GpuCard>, Answer) {
        let (cards, missing) = select(words, &self.cards);
        (cards, not_found(&missing))
    }
}

/// An answer with an error for each word that names no card.
pub(crate) fn not_found(missing: &[NoSuchCard]) -> Answer {
    let exit = missing.iter().map(Failure::exit).max();
    Answer {
        errors: missing.iter().map(ToString::to_string).collect(),
        exit: exit.unwrap_or(Exit::Done),
        ..Answer::default()
    }
}

/// Takes the lock of commands and hooks that change something. It needs root.
pub(crate) fn lock_for_change(
    what: &'static str,
    global: &Global,
    machine: &Machine,
) -> Result<Lock, Error> {
    if !may_change(machine) {
        return Err(Error::NotRoot(what));
    }
    Ok(machine.lock(global.timeout * LOCK_WAIT_IN_WRITES)?)
}

/// Whether this process may change this machine: as root, or if it is a tree of files (`--root`).
pub(crate) fn may_change(machine: &Machine) -> bool {
    !machine.is_real() || nix::unistd::geteuid().is_root()
}
