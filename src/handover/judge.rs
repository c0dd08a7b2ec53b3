//! Judges a card for the start of a guest, and changes nothing.

use crate::binding::Refusal;
use crate::gpu::GpuCard;
use crate::handover::guest::refuse;
use crate::handover::{CardError, Fault, Guest, Handover, Mode};
use crate::pci::PciAddress;

impl Handover<'_> {
    /// Every reason why `guest` could not start with `card` now. The functions in `leaving` go to the guest.
    ///
    /// # Errors
    /// If the card cannot be judged.
    pub fn judge_start(
        &self,
        guest: &Guest,
        card: &GpuCard,
        leaving: &[PciAddress],
    ) -> Result<Vec<Refusal>, CardError> {
        let judged = self.reasons_against(guest, card, leaving);
        judged.map_err(|fault| CardError::new("prepare", card, fault))
    }

    fn reasons_against(
        &self,
        guest: &Guest,
        card: &GpuCard,
        leaving: &[PciAddress],
    ) -> Result<Vec<Refusal>, Fault> {
        let record = self.machine.card_record(card.slot())?;
        let view = self.card_view(card)?;
        let judged = self.try_judge(card, leaving, Mode::DryRun);
        let mut reasons = Vec::new();
        for refused in [
            self.refuse_held(card, record.as_ref(), Some(guest)),
            self.refuse_held_group(card, &view, guest),
            judged.and_then(refuse),
        ] {
            match refused {
                Ok(()) => (),
                Err(Fault::Refused(refusals)) => add_new(&mut reasons, refusals),
                Err(fault) => return Err(fault),
            }
        }
        Ok(reasons)
    }
}

/// Adds the refusals that say something new. The QEMU of a guest that has the card is no second reason.
fn add_new(reasons: &mut Vec<Refusal>, refusals: Vec<Refusal>) {
    for refusal in refusals {
        let has_guest = |known: &Refusal| match (known, &refusal) {
            (Refusal::Held { guest } | Refusal::GroupHeld { guest, .. }, Refusal::Used(user)) => {
                user.guest.as_ref() == Some(guest)
            }
            _ => false,
        };
        if !reasons.contains(&refusal) && !reasons.iter().any(has_guest) {
            reasons.push(refusal);
        }
    }
}
