//! The cards that `gpupci check` was asked about.

use crate::gpu::{CardName, GpuCard};
use crate::handover::{NoSuchCard, select};

/// The cards that the user named.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    named: Vec<CardName>,
    is_all: bool,
    /// The words that name no card.
    pub(super) missing: Vec<NoSuchCard>,
}

impl Choice {
    /// The choice by `words` among `cards`. No word is the same as `all`, and if the cards cannot be read, no word
    /// is known to name none.
    pub(super) fn of(words: &[String], cards: Option<&[GpuCard]>) -> Self {
        let (named, missing) = cards.map(|cards| select(words, cards)).unwrap_or_default();
        let is_all = |word: &String| word.eq_ignore_ascii_case("all");
        Self {
            named: named.into_iter().map(|card| card.name).collect(),
            is_all: cards.is_none() || words.is_empty() || words.iter().any(is_all),
            missing,
        }
    }

    /// Whether the facts of `card` are needed. Cards that count are read also if others were named: findings
    /// about the host compare all of them.
    pub(super) fn has_facts_of(&self, card: &GpuCard) -> bool {
        card.counts() || self.named.contains(&card.name)
    }

    /// Whether `card` itself is checked.
    pub(super) fn checks(&self, card: &GpuCard) -> bool {
        self.is_all || self.named.contains(&card.name)
    }

    /// The cards that are checked; `None` for all.
    pub(super) fn only(&self) -> Option<Vec<CardName>> {
        (!self.is_all).then(|| self.named.clone())
    }
}
