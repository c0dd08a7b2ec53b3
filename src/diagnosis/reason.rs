//! One reason why a start failed, or would fail.

use crate::failure::Code;
use crate::gpu::CardName;

/// Where a reason comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// libvirt's definition of the guest.
    Definition,
    /// gpupt's hook, at the last start.
    Hook,
    /// QEMU's log.
    Qemu,
    /// The journal.
    Journal,
    /// The present state of the host, as the hook would judge it.
    Host,
    /// A finding of `gpupci check`.
    Check,
}

/// What a source said about a cause that another one names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The source.
    pub source: Source,
    /// Its words.
    pub text: String,
}

/// When a reason holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The last start failed for it, and the next one would.
    Still,
    /// The last start failed for it. Whether that is still so cannot be told.
    LastStart,
    /// The last start failed for it, but now it is no longer so.
    NoLonger,
    /// The next start would fail for it.
    Now,
}

/// A reason why a start failed, or would fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Where it comes from.
    pub source: Source,
    /// When it holds.
    pub when: Option<When>,
    /// The topic of the finding, if it is one.
    pub topic: Option<&'static str>,
    /// The card that it is about.
    pub card: Option<CardName>,
    /// What is wrong.
    pub text: String,
    /// What that means, if others said it.
    pub meaning: Option<String>,
    /// What others said about the same cause.
    pub said: Vec<Said>,
    /// Its codes, if gpupt found it itself.
    pub codes: Vec<Code>,
    /// The state now, if that is worth saying.
    pub state: Option<String>,
    /// What to do, if that is known.
    pub remedy: Option<String>,
}

impl Reason {
    pub(super) fn new(source: Source, text: String) -> Self {
        Self {
            source,
            when: None,
            topic: None,
            card: None,
            text,
            meaning: None,
            said: Vec::new(),
            codes: Vec::new(),
            state: None,
            remedy: None,
        }
    }

    /// The reason at this time.
    pub(super) fn at(self, when: When) -> Self {
        let when = Some(when);
        Self { when, ..self }
    }

    /// The cause of the last failure has the lowest rank. What blocks nothing, as a missing hook, comes last.
    pub(super) fn rank(&self) -> u8 {
        match (self.when, self.source) {
            (Some(When::Still), _) => 0,
            (Some(When::LastStart), _) => 1,
            (Some(When::NoLonger), _) => 2,
            (Some(When::Now), Source::Check) => 4,
            (Some(When::Now), _) => 3,
            (None, Source::Check) => 6,
            (None, _) => 5,
        }
    }

    /// Whether the next start would fail for it.
    pub(super) fn blocks_now(&self) -> bool {
        matches!(self.when, Some(When::Now | When::Still))
    }

    /// Its text without the card: `gpupci1 (0000:02:00): …`.
    pub(super) fn cause(&self) -> &str {
        let behind = self.card.and_then(|_| self.text.split_once("): "));
        behind.map_or(&self.text, |(_, cause)| cause)
    }

    /// Whether it has one of these codes.
    pub(super) fn has_one_of(&self, codes: &[Code]) -> bool {
        self.codes.iter().any(|code| codes.contains(code))
    }
}
