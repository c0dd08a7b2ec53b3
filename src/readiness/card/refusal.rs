//! The findings for the reasons to refuse a detach.

use crate::binding::Refusal;
use crate::exit::Exit;
use crate::failure::{Code, Failure};
use crate::readiness::{Blocks, Finding, Verdict};

/// The finding for this reason: a warning if it ends by itself or was set on purpose.
pub(super) fn finding_of(refusal: &Refusal) -> Finding {
    let (topic, verdict) = topic_of(refusal);
    let finding = Finding::new(verdict, topic, refusal);
    let exit = match refusal.exit() {
        exit @ (Exit::Poisoned | Exit::Differs) => exit,
        _ => finding.exit,
    };
    match verdict {
        Verdict::Pass => finding,
        Verdict::Warn | Verdict::Fail => Finding { exit, ..finding }
            .blocking(Blocks::Card)
            .with_remedy(remedy(refusal)),
    }
}

fn topic_of(refusal: &Refusal) -> (&'static str, Verdict) {
    match refusal {
        Refusal::NoGroup(_)
        | Refusal::GroupShared { card: None, .. }
        | Refusal::ReservedRegions { .. } => ("iommu-group", Verdict::Fail),
        Refusal::GroupShared { .. } | Refusal::HeldBack { .. } => ("iommu-group", Verdict::Warn),
        Refusal::NoStub { .. } => ("vfio", Verdict::Fail),
        Refusal::NoOverride(_) => ("driver-override", Verdict::Fail),
        Refusal::Held { .. } | Refusal::GroupHeld { .. } => ("use", Verdict::Pass),
        Refusal::Used(user) if user.guest.is_some() => ("use", Verdict::Pass),
        Refusal::Used(_) | Refusal::Unseen(_) => ("use", Verdict::Warn),
        Refusal::Console { .. } | Refusal::FirmwareFramebuffer { .. } => ("console", Verdict::Fail),
        Refusal::UsedByHost { .. } => ("burden", Verdict::Fail),
        Refusal::VirtualFunctions { .. } => ("virtual-functions", Verdict::Warn),
        Refusal::MediatedDevice { .. } => ("mediated-device", Verdict::Warn),
        Refusal::Driverctl { .. } => ("driverctl", Verdict::Warn),
        Refusal::Poisoned { .. } => ("record", Verdict::Fail),
        Refusal::Differs { .. } => ("identity", Verdict::Fail),
        Refusal::More { code, .. } => topic_of_others(*code),
    }
}

/// The topic of the refusals of one kind that a message cannot name. Only these kinds can have so many.
fn topic_of_others(code: Code) -> (&'static str, Verdict) {
    match code {
        Code::NoIommuGroup | Code::Group => ("iommu-group", Verdict::Fail),
        Code::NeededByHost => ("burden", Verdict::Fail),
        Code::MediatedDevice => ("mediated-device", Verdict::Warn),
        _ => ("use", Verdict::Warn),
    }
}

fn remedy(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoGroup(_) => {
            "move the card to another slot, or update the firmware: the IOMMU is \
                                on, but does not cover this slot"
                .to_owned()
        }
        other => other.remedy(),
    }
}
