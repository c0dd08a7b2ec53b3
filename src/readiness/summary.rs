//! How many cards are ready for guests, and how many findings say why others are not.

use std::fmt;

use crate::gpu::CardName;
use crate::readiness::{Finding, Verdict};

/// The summary of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The cards that were checked.
    pub cards: usize,
    /// Those that a guest has or can get now.
    pub ready: usize,
    /// The findings that are failures.
    pub fail: usize,
    /// The findings that are warnings.
    pub warn: usize,
}

impl Summary {
    /// The summary of `findings` about the host and these cards.
    pub fn of(cards: &[CardName], findings: &[Finding]) -> Self {
        let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
        Self {
            cards: cards.len(),
            ready: ready(cards, findings).len(),
            fail: count(Verdict::Fail),
            warn: count(Verdict::Warn),
        }
    }
}

/// The cards that nothing blocks. A card that goes to a guest only with another is blocked with it, so this
/// repeats until no card is left out.
fn ready(cards: &[CardName], findings: &[Finding]) -> Vec<CardName> {
    let mut ready = cards.to_vec();
    loop {
        let is_blocked = |card: &CardName| {
            let mut findings = findings.iter();
            findings.any(|finding| finding.blocks(*card, cards, &ready))
        };
        let left: Vec<CardName> = ready
            .iter()
            .copied()
            .filter(|card| !is_blocked(card))
            .collect();
        if left.len() == ready.len() {
            return ready;
        }
        ready = left;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cards {
            0 => f.write_str("no card for guests")?,
            1 => write!(f, "{} of 1 card ready for guests", self.ready)?,
            cards => write!(f, "{} of {cards} cards ready for guests", self.ready)?,
        }
        match (self.fail, self.warn) {
            (0, 0) => Ok(()),
            (fail, 0) => write!(f, "; {fail} FAIL"),
            (0, warn) => write!(f, "; {warn} WARN"),
            (fail, warn) => write!(f, "; {fail} FAIL, {warn} WARN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::Blocks;
    use pretty_assertions::assert_eq;

    fn name(index: usize) -> CardName {
        CardName::nth(index).expect("a name")
    }

    fn summary(findings: &[Finding]) -> String {
        Summary::of(&[0, 1, 2].map(name), findings).to_string()
    }

    #[test]
    fn failure_of_the_host_blocks_every_card_and_one_of_a_card_only_this_one() {
        let fail = Finding::fail("a", "a", "a");
        let warn = Finding::warn("b", "b", "b");
        assert_eq!(summary(&[]), "3 of 3 cards ready for guests");
        for (finding, expected) in [
            (fail.clone(), "0 of 3 cards ready for guests; 1 FAIL"),
            (
                fail.clone().of(name(1)),
                "2 of 3 cards ready for guests; 1 FAIL",
            ),
            (
                fail.blocking(Blocks::Nothing),
                "3 of 3 cards ready for guests; 1 FAIL",
            ),
            (warn.clone(), "3 of 3 cards ready for guests; 1 WARN"),
            (
                warn.of(name(1)).blocking(Blocks::Card),
                "2 of 3 cards ready for guests; 1 WARN",
            ),
        ] {
            assert_eq!(summary(std::slice::from_ref(&finding)), expected);
        }
    }

    #[test]
    fn cards_that_go_to_a_guest_together_are_blocked_together() {
        let with = |card, other| {
            let finding = Finding::warn("a", "a", "a").of(name(card));
            finding.blocking(Blocks::CardWithout(name(other)))
        };
        let mut findings = vec![with(0, 1), with(1, 2), with(2, 1)];
        assert_eq!(summary(&findings), "3 of 3 cards ready for guests; 3 WARN");
        findings.push(Finding::fail("b", "b", "b").of(name(2)));
        assert_eq!(
            summary(&findings),
            "0 of 3 cards ready for guests; 1 FAIL, 3 WARN"
        );
        // A card that was not checked blocks no other.
        let other = [with(0, 7)];
        assert_eq!(summary(&other), "3 of 3 cards ready for guests; 1 WARN");
    }

    #[test]
    fn summary_counts_one_card_and_none() {
        let one = Summary::of(&[name(0)], &[]);
        assert_eq!(one.to_string(), "1 of 1 card ready for guests");
        let none = Summary::of(&[], &[Finding::fail("a", "a", "a")]);
        assert_eq!(none.to_string(), "no card for guests; 1 FAIL");
    }
}
