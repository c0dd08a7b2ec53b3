//! What the hook recorded at the last start, compared with what it would say now.

use crate::diagnosis::{Reason, Said, Source, When, codes_of};
use crate::failure::Code;
use crate::host::Start;

/// What cannot be judged without acting.
const UNTESTED: [Code; 9] = [
    Code::Locked,
    Code::LockFile,
    Code::NotRecorded,
    Code::NoStubDriver,
    Code::WriteFailed,
    Code::NotUndone,
    Code::WriteHung,
    Code::Input,
    Code::UnknownUsers,
];

/// Marks the reasons of `now` for which the hook refused the last start. What is left of its refusal is a
/// reason of its own.
pub(super) fn merge(start: &Start, now: &mut [Reason]) -> Option<Reason> {
    let refused = Refused::of(start)?;
    for reason in now.iter_mut() {
        if refused.is_for(reason) {
            reason.when = Some(When::Still);
            reason.said.push(Said {
                source: Source::Hook,
                text: format!("refused the start {} for this", start.age()),
            });
        }
    }
    let still: Vec<&Reason> = now
        .iter()
        .filter(|reason| reason.when == Some(When::Still))
        .collect();
    if still.is_empty() {
        return Some(refused.alone(start));
    }
    let is_left = |code: &Code| !still.iter().any(|reason| reason.codes.contains(code));
    let left: Vec<Code> = refused.codes.iter().copied().filter(is_left).collect();
    refused.left(start, left)
}

/// Says what to do about a refusal that is past, if all reasons are known and none keeps the guest from starting.
pub(super) fn advise(reasons: &mut [Reason]) {
    let is_blocked = reasons.iter().any(Reason::blocks_now);
    let past = |reason: &&mut Reason| reason.when == Some(When::NoLonger);
    if let Some(reason) = reasons.iter_mut().find(past).filter(|_| !is_blocked) {
        reason.remedy = Some("start the guest again: nothing known blocks it now".to_owned());
    }
}

/// The refusal in the record of a start.
struct Refused<'s> {
    /// Who or what was refused, and why.
    sentence: &'s str,
    remedy: Option<&'s str>,
    codes: Vec<Code>,
}

impl<'s> Refused<'s> {
    fn of(start: &'s Start) -> Option<Self> {
        let line = start.refused.as_deref()?;
        let (sentence, rest) = line.split_once(". State: ").unwrap_or((line, ""));
        let remedy = rest.rsplit_once(". Try: ").map(|(_, remedy)| remedy);
        Some(Self {
            sentence,
            remedy: remedy.map(|remedy| remedy.trim_end_matches('.')),
            codes: codes_of(&start.codes),
        })
    }

    /// Whether this reason was one of the refusal. An earlier release did not record codes.
    fn is_for(&self, reason: &Reason) -> bool {
        let names_card = reason
            .card
            .is_none_or(|card| self.sentence.contains(&format!("{card} (")));
        if self.codes.is_empty() {
            return self.sentence.contains(reason.cause());
        }
        names_card && reason.has_one_of(&self.codes)
    }

    /// The refusal as a reason of its own, because no reason of now is the same.
    fn alone(&self, start: &Start) -> Reason {
        let is_tested = |code: &Code| !UNTESTED.contains(code);
        let is_gone = !self.codes.is_empty() && self.codes.iter().all(is_tested);
        let (when, remedy) = match is_gone {
            true => (When::NoLonger, None),
            false => (When::LastStart, self.remedy),
        };
        Reason {
            codes: self.codes.clone(),
            remedy: remedy.map(str::to_owned),
            ..Reason::new(Source::Hook, format!("{}: {}", start.age(), self.sentence)).at(when)
        }
    }

    /// A reason for what was also refused, and is not so now.
    fn left(&self, start: &Start, codes: Vec<Code>) -> Option<Reason> {
        let words: Vec<&str> = codes.iter().map(|code| code.word()).collect();
        let when = match codes.iter().any(|code| UNTESTED.contains(code)) {
            true => When::LastStart,
            false => When::NoLonger,
        };
        let text = format!("{}: also refused for: {}", start.age(), words.join(", "));
        (!codes.is_empty()).then(|| Reason {
            codes: codes.clone(),
            ..Reason::new(Source::Hook, text).at(when)
        })
    }
}
