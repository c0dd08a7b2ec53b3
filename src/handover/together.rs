//! Detaches several cards in one command.

use crate::binding::Refusal;
use crate::gpu::GpuCard;
use crate::handover::{CardError, CardResult, Fault, Handover, Mode};
use crate::pci::{IommuGroup, PciAddress};

/// A card that is to be detached.
struct Candidate<'c> {
    card: &'c GpuCard,
    groups: Vec<IommuGroup>,
    is_detached: bool,
    fault: Option<Fault>,
}

impl Handover<'_> {
    /// Detaches `cards`, which may share IOMMU groups. Half a group is of no use to a guest, so a card that is
    /// refused holds back the others of its groups. The caller holds the lock.
    pub fn detach_all(&self, cards: &[&GpuCard], mode: Mode) -> Vec<Result<CardResult, CardError>> {
        let functions = cards.iter().flat_map(|card| card.functions.iter());
        let leaving: Vec<PciAddress> = functions.map(|function| function.address).collect();
        let mut candidates: Vec<Candidate> =
            cards.iter().map(|card| self.candidate(card)).collect();
        for index in 0..candidates.len() {
            let shares = (0..candidates.len())
                .any(|other| other != index && common(&candidates, index, other).is_some());
            if shares && !candidates[index].is_detached {
                candidates[index].fault = self.fault_of(candidates[index].card, &leaving, mode);
            }
        }
        hold_back(&mut candidates);
        let detached = candidates
            .into_iter()
            .map(|candidate| match candidate.fault {
                Some(fault) => Err(CardError::new("detach", candidate.card, fault)),
                None => self.detach(candidate.card, &leaving, mode),
            });
        detached.collect()
    }

    fn candidate<'c>(&self, card: &'c GpuCard) -> Candidate<'c> {
        let functions = card.functions.iter();
        let groups = functions.filter_map(|f| self.machine.iommu_group(f.address).ok().flatten());
        Candidate {
            card,
            groups: groups.collect(),
            is_detached: self.is_detached(card).unwrap_or(false),
            fault: None,
        }
    }

    /// Why a card cannot be detached.
    fn fault_of(&self, card: &GpuCard, leaving: &[PciAddress], mode: Mode) -> Option<Fault> {
        match self.try_judge(card, leaving, mode) {
            Ok(refusals) if refusals.is_empty() => None,
            Ok(refusals) => Some(Fault::Refused(refusals)),
            Err(fault) => Some(fault),
        }
    }
}

/// Refuses the cards that share a group with a refused one, until none is left.
fn hold_back(candidates: &mut [Candidate]) {
    let all = 0..candidates.len();
    let pairs: Vec<(usize, usize)> = all
        .clone()
        .flat_map(|one| all.clone().map(move |other| (one, other)))
        .collect();
    let next = |candidates: &[Candidate]| {
        pairs.iter().find_map(|(one, other)| {
            let is_free = candidates[*one].fault.is_none() && !candidates[*one].is_detached;
            let is_refused = candidates[*other].fault.is_some();
            let group = common(candidates, *one, *other)?;
            (is_free && is_refused).then_some((*one, *other, group))
        })
    };
    while let Some((one, other, group)) = next(candidates) {
        let card = candidates[other].card.name;
        candidates[one].fault = Some(Fault::Refused(vec![Refusal::HeldBack { group, card }]));
    }
}

/// A group that two cards share.
fn common(candidates: &[Candidate], one: usize, other: usize) -> Option<IommuGroup> {
    let mut groups = candidates[one].groups.iter();
    groups
        .find(|group| candidates[other].groups.contains(group))
        .copied()
}
