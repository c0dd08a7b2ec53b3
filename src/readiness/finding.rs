//! One thing that was checked: what was found, and what to do about it.

use std::fmt;

use crate::escape::printable;
use crate::exit::Exit;
use crate::gpu::CardName;

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It can cause a problem, now or later.
    Warn,
    /// A guest cannot get its card.
    Fail,
}

impl Verdict {
    /// `pass`, `warn` or `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The cards that no guest can get now because of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// None.
    Nothing,
    /// The card that the finding is about.
    Card,
    /// The same, unless this other card is ready: one guest can then get both.
    CardWithout(CardName),
    /// These cards.
    Cards(Vec<CardName>),
    /// Every card of the host.
    EveryCard,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The result.
    pub verdict: Verdict,
    /// A word for programs: `iommu-kernel`.
    pub topic: &'static str,
    /// The card it is about; `None` for the host.
    pub card: Option<CardName>,
    /// What was found: a sentence, safe on a terminal.
    pub text: String,
    /// The line to add or the command to run, safe on a terminal.
    pub remedy: Option<String>,
    /// The cards that it keeps from guests.
    pub blocks: Blocks,
    pub(super) exit: Exit,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, topic: &'static str, text: impl fmt::Display) -> Self {
        Self {
            verdict,
            topic,
            card: None,
            text: printable(text.to_string().as_bytes()).into_owned(),
            remedy: None,
            blocks: match verdict {
                Verdict::Pass | Verdict::Warn => Blocks::Nothing,
                Verdict::Fail => Blocks::EveryCard,
            },
            exit: match verdict {
                Verdict::Pass | Verdict::Warn => Exit::Done,
                Verdict::Fail => Exit::Unable,
            },
        }
    }

    pub(super) fn pass(topic: &'static str, text: impl fmt::Display) -> Self {
        Self::new(Verdict::Pass, topic, text)
    }

    pub(super) fn warn(
        topic: &'static str,
        text: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self::new(Verdict::Warn, topic, text).with_remedy(remedy)
    }

    pub(super) fn fail(
        topic: &'static str,
        text: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self::new(Verdict::Fail, topic, text).with_remedy(remedy)
    }

    pub(super) fn with_remedy(self, remedy: impl fmt::Display) -> Self {
        let remedy = printable(remedy.to_string().as_bytes()).into_owned();
        Self {
            remedy: Some(remedy),
            ..self
        }
    }

    /// The finding about `card`: a failure then blocks only this card.
    pub(super) fn of(self, card: CardName) -> Self {
        let blocks = match self.blocks {
            Blocks::EveryCard => Blocks::Card,
            blocks => blocks,
        };
        Self {
            card: Some(card),
            blocks,
            ..self
        }
    }

    /// The finding that blocks these cards, whatever its verdict is.
    pub(super) fn blocking(self, blocks: Blocks) -> Self {
        Self { blocks, ..self }
    }

    /// Whether a guest cannot get `card` because of it, if of the checked cards only `ready` are ready.
    pub(super) fn blocks(&self, card: CardName, checked: &[CardName], ready: &[CardName]) -> bool {
        match &self.blocks {
            Blocks::Nothing => false,
            Blocks::Card => self.card == Some(card),
            Blocks::CardWithout(other) => {
                self.card == Some(card) && checked.contains(other) && !ready.contains(other)
            }
            Blocks::Cards(cards) => cards.contains(&card),
            Blocks::EveryCard => true,
        }
    }

    /// Whether a guest that claims these cards, and other devices, cannot start because of it.
    pub fn blocks_guest(&self, claimed: &[CardName]) -> bool {
        let claims = |card: &CardName| claimed.contains(card);
        match &self.blocks {
            Blocks::Nothing => false,
            Blocks::Card => self.card.as_ref().is_some_and(claims),
            Blocks::CardWithout(other) => self.card.as_ref().is_some_and(claims) && !claims(other),
            Blocks::Cards(cards) => cards.iter().any(claims),
            Blocks::EveryCard => true,
        }
    }

    /// The exit code for this finding: 0 unless it is a failure.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// The exit code for these findings: that of the worst.
pub fn exit_of(findings: &[Finding]) -> Exit {
    let exits = findings.iter().map(Finding::exit);
    exits.max().unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn exit_code_is_the_largest_of_the_failures() {
        let fail = Finding::fail("a", "a", "a");
        let differs = Finding {
            exit: Exit::Differs,
            ..fail.clone()
        };
        let warn = Finding::warn("b", "b", "b");
        assert_eq!(exit_of(&[]), Exit::Done);
        assert_eq!(exit_of(std::slice::from_ref(&warn)), Exit::Done);
        assert_eq!(exit_of(&[fail.clone(), warn.clone()]), Exit::Unable);
        assert_eq!(exit_of(&[fail, differs, warn]), Exit::Differs);
    }

    #[test]
    fn guest_is_blocked_by_the_findings_that_block_its_cards() {
        let [one, two] = ["gpupci1", "gpupci2"].map(|name| name.parse().expect("a name"));
        let finding = Finding::fail("a", "a", "a").of(one);
        for (blocks, claimed, is_blocked) in [
            (Blocks::Nothing, &[one][..], false),
            (Blocks::Card, &[one], true),
            (Blocks::Card, &[two], false),
            (Blocks::CardWithout(two), &[one], true),
            (Blocks::CardWithout(two), &[one, two], false),
            (Blocks::CardWithout(two), &[two], false),
            (Blocks::Cards(vec![one, two]), &[two], true),
            (Blocks::Cards(vec![one]), &[two], false),
            (Blocks::EveryCard, &[], true),
        ] {
            let finding = finding.clone().blocking(blocks);
            assert_eq!(finding.blocks_guest(claimed), is_blocked, "{finding:?}");
        }
    }

    #[test]
    fn finding_escapes_control_characters() {
        let finding = Finding::warn("a", "one\ntwo\u{1b}[31m", "\u{202e}\r");
        assert_eq!(finding.text, "one\\ntwo\\u{1b}[31m");
        assert_eq!(finding.remedy.as_deref(), Some("\\u{202e}\\r"));
    }
}
