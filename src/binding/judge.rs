//! Collects all reasons to refuse.

use crate::binding::capped::capped;
use crate::binding::{Binding, GroupRule, HostConsole, HostUse, Refusal, Unseen, User};
use crate::gpu::CardName;
use crate::pci::{IommuGroup, PciAddress};
use crate::uuid::MediatedUuid;

/// A function outside a card that shares an IOMMU group with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The group.
    pub group: IommuGroup,
    /// How it is bound.
    pub binding: Binding,
    /// The card that it is part of.
    pub card: Option<CardName>,
    /// What the host uses it for.
    pub host_uses: Vec<HostUse>,
}

/// The state of a card, from which everything is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardView {
    /// Its functions, in the order in which they are rebound.
    pub bindings: Vec<Binding>,
    /// Refusals that need no look at the card: a write under way, another card than recorded.
    pub known: Vec<Refusal>,
    /// The IOMMU groups of its functions.
    pub groups: Vec<IommuGroup>,
    /// The direct regions of these groups.
    pub direct_regions: Vec<(IommuGroup, Vec<String>)>,
    /// Functions that are in no IOMMU group.
    pub ungrouped: Vec<PciAddress>,
    /// Other devices of its groups.
    pub neighbours: Vec<Neighbour>,
    /// Which drivers the kernel accepts on these.
    pub group_rule: GroupRule,
    /// Functions without `driver_override`.
    pub without_override: Vec<PciAddress>,
    /// The processes that use it.
    pub users: Vec<User>,
    /// Why some processes could not be checked.
    pub unseen: Vec<Unseen>,
    /// What is worth saying, and is no reason to refuse.
    pub notes: Vec<String>,
    /// Functions with the host's console.
    pub consoles: Vec<(PciAddress, HostConsole)>,
    /// Functions with the firmware's framebuffer in their memory, and the framebuffer.
    pub firmware_framebuffers: Vec<(PciAddress, String)>,
    /// What the host uses its functions for.
    pub host_uses: Vec<(PciAddress, HostUse)>,
    /// Functions with virtual functions, and their number.
    pub virtual_functions: Vec<(PciAddress, usize)>,
    /// Functions with mediated devices.
    pub mediated: Vec<(PciAddress, MediatedUuid)>,
    /// Functions with a driver set by driverctl.
    pub driverctl: Vec<(PciAddress, String)>,
}

/// The reasons not to bind the card to its stub drivers. The functions in `leaving` go to guests with it, so they
/// may share its groups.
pub fn judge_detach(view: &CardView, leaving: &[PciAddress]) -> Vec<Refusal> {
    let mut refusals = view.known.clone();
    refusals.extend(view.ungrouped.iter().copied().map(Refusal::NoGroup));
    refusals.extend(view.direct_regions.iter().map(reserved));
    let without = view.without_override.iter().copied();
    refusals.extend(without.map(Refusal::NoOverride));
    refusals.extend(
        view.neighbours
            .iter()
            .filter_map(|n| staying(n, view.group_rule, leaving)),
    );
    refusals.extend(held(view));
    refusals.extend(carried(view));
    let is_stub = |function, driver: &str| {
        let mut bindings = view.bindings.iter();
        bindings.any(|now| now.function == function && now.stub.as_str() == driver)
    };
    let foreign = |kept: &&(PciAddress, String)| !is_stub(kept.0, &kept.1);
    refusals.extend(view.driverctl.iter().filter(foreign).map(driverctl));
    capped(refusals)
}

/// Every reason not to attach the card. If `is_known`, gpupt detached it, and driverctl has no say.
pub fn judge_attach(view: &CardView, is_known: bool) -> Vec<Refusal> {
    let mut refusals = view.known.clone();
    refusals.extend(held(view));
    if !is_known {
        refusals.extend(view.driverctl.iter().map(driverctl));
    }
    capped(refusals)
}

/// Refuses a group with regions that the kernel keeps mapped one to one.
fn reserved((group, regions): &(IommuGroup, Vec<String>)) -> Refusal {
    Refusal::ReservedRegions {
        group: *group,
        regions: regions.clone(),
    }
}

/// Refuses a neighbour that makes the group not viable.
fn staying(neighbour: &Neighbour, rule: GroupRule, leaving: &[PciAddress]) -> Option<Refusal> {
    let binding = &neighbour.binding;
    let driver = binding.driver.as_ref()?;
    // A guest may claim the host's own disk, but gpupt does not help it.
    let leaves = leaving.contains(&binding.function) && neighbour.host_uses.is_empty();
    if leaves || rule.allows(binding) {
        return None;
    }
    Some(Refusal::GroupShared {
        group: neighbour.group,
        member: binding.function,
        driver: driver.clone(),
        card: neighbour.card,
        host_uses: neighbour.host_uses.clone(),
    })
}

fn held(view: &CardView) -> Vec<Refusal> {
    let users = view.users.iter().cloned().map(Refusal::Used);
    let unseen = view.unseen.iter().cloned().map(Refusal::Unseen);
    users.chain(unseen).collect()
}

/// Whether a framebuffer of the firmware stays when vfio-pci takes the function. From Linux 5.19 on vfio-pci
/// removes it (`aperture_remove_conflicting_pci_devices`), with the same release that changed the rule of groups. One
/// that is still there on a function of vfio-pci was not removed.
fn stays(view: &CardView, function: PciAddress) -> bool {
    let mut bindings = view.bindings.iter();
    let is_on_vfio = bindings.any(|now| now.function == function && now.is_vfio);
    is_on_vfio || view.group_rule != GroupRule::ByDriver
}

/// The host's screen on the card. A framebuffer that stays is worse than the console on it.
fn screens(view: &CardView) -> Vec<Refusal> {
    let firmware = view.firmware_framebuffers.iter();
    let staying: Vec<&(PciAddress, String)> = firmware
        .filter(|(function, _)| stays(view, *function))
        .collect();
    let has_one = |function| staying.iter().any(|(other, _)| *other == function);
    let consoles = view.consoles.iter();
    let consoles = consoles.filter(|(function, _)| !has_one(*function));
    let consoles = consoles.map(|(function, console)| Refusal::Console {
        function: *function,
        console: console.clone(),
    });
    let staying = staying.iter();
    let staying = staying.map(|(function, framebuffer)| Refusal::FirmwareFramebuffer {
        function: *function,
        framebuffer: framebuffer.clone(),
    });
    staying.chain(consoles).collect()
}

fn carried(view: &CardView) -> Vec<Refusal> {
    let mut refusals = screens(view);
    for (function, host_use) in &view.host_uses {
        refusals.push(Refusal::UsedByHost {
            function: *function,
            host_use: host_use.clone(),
        });
    }
    for (function, count) in &view.virtual_functions {
        refusals.push(Refusal::VirtualFunctions {
            function: *function,
            count: *count,
        });
    }
    for (function, uuid) in &view.mediated {
        refusals.push(Refusal::MediatedDevice {
            function: *function,
            uuid: uuid.clone(),
        });
    }
    refusals
}

fn driverctl(kept: &(PciAddress, String)) -> Refusal {
    Refusal::Driverctl {
        function: kept.0,
        driver: kept.1.clone(),
    }
}
