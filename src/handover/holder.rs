//! Whether the guest in the record of a card still has it. A card can be unplugged from a running guest, and no
//! hook is called then: who has the card's IOMMU group open decides.

use std::path::Path;

use crate::binding::{CardRecord, CardView, Holder, Refusal, User};
use crate::gpu::GpuCard;
use crate::handover::{Fault, Guest, Handover};
use crate::host::GuestProcess;
use crate::paths::VFIO_NODES;
use crate::pci::PciAddress;
use crate::uuid::GuestUuid;

/// How long a guest may take from our hook to its QEMU, if the daemon that starts it is not known.
const STARTING_SECONDS: u64 = 60;

impl Handover<'_> {
    /// Refuses a card that another guest than `guest` has or starts with.
    pub(super) fn refuse_held(
        &self,
        card: &GpuCard,
        record: Option<&CardRecord>,
        guest: Option<&Guest>,
    ) -> Result<(), Fault> {
        let holder = record.and_then(|record| record.holder.as_ref());
        match holder.filter(|holder| is_other(holder, guest)) {
            Some(holder) if self.has_card(holder, card)? => Err(refused(Refusal::Held {
                guest: holder.guest.clone(),
            })),
            _ => Ok(()),
        }
    }

    /// Refuses a card whose group another guest has, through another card or without any record.
    pub(super) fn refuse_held_group(
        &self,
        card: &GpuCard,
        view: &CardView,
        guest: &Guest,
    ) -> Result<(), Fault> {
        let users = self.group_users_if_on(card)?;
        for neighbour in &view.neighbours {
            let function = neighbour.binding.function;
            let record = self.machine.card_record(function.slot())?;
            let holder = record.and_then(|record| record.holder);
            let Some(holder) = holder.filter(|holder| is_other(holder, Some(guest))) else {
                continue;
            };
            if !users.is_empty() || self.may_open(&holder) {
                return Err(refused(Refusal::GroupHeld {
                    group: neighbour.group,
                    member: function,
                    card: neighbour.card,
                    guest: holder.guest,
                }));
            }
        }
        match users.into_iter().next() {
            Some(user) => Err(refused(Refusal::Used(user))),
            None => Ok(()),
        }
    }

    /// Whether a guest that a card is recorded for has it open, or may open it soon.
    pub(super) fn has_card(&self, holder: &Holder, card: &GpuCard) -> Result<bool, Fault> {
        Ok(self.may_open(holder) || !self.group_users(card)?.is_empty())
    }

    /// The processes that have an IOMMU group of a card open, through any of its members.
    pub(super) fn group_users(&self, card: &GpuCard) -> Result<Vec<User>, Fault> {
        let members = self.group_members(card)?;
        self.vfio_users(&members)
    }

    /// The same, if a function of the group is switched on. Every start waits for this, and a look at all
    /// processes takes long.
    fn group_users_if_on(&self, card: &GpuCard) -> Result<Vec<User>, Fault> {
        let members = self.group_members(card)?;
        match members
            .iter()
            .all(|member| self.machine.is_switched_off(*member))
        {
            true => Ok(Vec::new()),
            false => self.vfio_users(&members),
        }
    }

    /// The functions in the groups of a card that a guest can open.
    fn group_members(&self, card: &GpuCard) -> Result<Vec<PciAddress>, Fault> {
        let mut members: Vec<PciAddress> = Vec::new();
        for function in &card.functions {
            if let Some(group) = self.machine.iommu_group(function.address)? {
                members.extend(self.machine.group_members(group));
            }
        }
        members.sort();
        members.dedup();
        members.retain(|member| self.machine.has_vfio_node(*member));
        Ok(members)
    }

    fn vfio_users(&self, members: &[PciAddress]) -> Result<Vec<User>, Fault> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let users = self.machine.users_of(members, &[], self.deadline);
        if let Some(why) = users.unseen.into_iter().next() {
            return Err(refused(Refusal::Unseen(why)));
        }
        let mut users = users.found;
        users.retain(|user| Path::new(&user.node).starts_with(VFIO_NODES));
        Ok(users)
    }

    /// Whether a guest without a QEMU may still get one: other hooks may take any time, and a daemon that called
    /// `prepare` calls `release` too, also after a failed start.
    pub(super) fn may_open(&self, holder: &Holder) -> bool {
        let awaits = |daemon: &String| {
            self.machine.guest_process(&holder.guest) == GuestProcess::None
                && self.machine.is_alive(daemon)
        };
        self.is_starting(holder) || holder.daemon.as_ref().is_some_and(awaits)
    }

    /// Whether a guest may be between our hook and the moment in which its QEMU opens the card. The hook
    /// cannot ask libvirt, but libvirt's files tell.
    pub(super) fn is_starting(&self, holder: &Holder) -> bool {
        match self.machine.guest_process(&holder.guest) {
            GuestProcess::Starting => true,
            GuestProcess::Running => false,
            GuestProcess::None => self.was_held_lately(&holder.uuid),
        }
    }

    /// Whether a card was prepared for this guest within the last minute. A clock that was set back makes no guest
    /// start for ever.
    pub(super) fn was_held_lately(&self, uuid: &GuestUuid) -> bool {
        let slots = self.machine.slots_held_by(uuid).into_iter();
        let records = slots.filter_map(|slot| self.machine.card_record(slot).ok().flatten());
        let mut holders = records.filter_map(|record| record.holder);
        let now = self.machine.now();
        holders.any(|holder| now.abs_diff(holder.since) < STARTING_SECONDS)
    }
}

fn is_other(holder: &Holder, guest: Option<&Guest>) -> bool {
    guest.is_none_or(|guest| holder.uuid != guest.uuid)
}

fn refused(refusal: Refusal) -> Fault {
    Fault::Refused(vec![refusal])
}
