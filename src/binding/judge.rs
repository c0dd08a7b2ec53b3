//! All reasons not to touch a card, at once.

use crate::binding::{Binding, Burden, Refusal, User};
use crate::gpu::CardName;
use crate::pci::{DriverName, IommuGroup, PciAddress};
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
    /// What it carries.
    pub burdens: Vec<Burden>,
}

/// What was seen of a card before deciding about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardView {
    /// Its functions, in the order in which they change hands.
    pub bindings: Vec<Binding>,
    /// What is known against it before any look at it: poisoned, another card than recorded.
    pub known: Vec<Refusal>,
    /// The IOMMU groups of its functions.
    pub groups: Vec<IommuGroup>,
    /// Functions that are in no IOMMU group.
    pub ungrouped: Vec<PciAddress>,
    /// Who shares a group with it.
    pub neighbours: Vec<Neighbour>,
    /// Functions for which the kernel takes no override.
    pub without_override: Vec<PciAddress>,
    /// Who uses it.
    pub users: Vec<User>,
    /// Why somebody might use it who was not seen.
    pub unseen: Vec<String>,
    /// Functions that show the host's console, and by which framebuffer.
    pub consoles: Vec<(PciAddress, String)>,
    /// What its functions carry.
    pub burdens: Vec<(PciAddress, Burden)>,
    /// Functions with virtual functions, and how many.
    pub virtual_functions: Vec<(PciAddress, usize)>,
    /// Functions with mediated devices.
    pub mediated: Vec<(PciAddress, MediatedUuid)>,
    /// Functions that driverctl keeps on a driver.
    pub driverctl: Vec<(PciAddress, String)>,
}

/// Every reason not to put the card on the driver `stub`. The functions in `leaving` go to guests
/// with it, so that they are no reason where they share its groups.
pub fn judge_detach(view: &CardView, stub: &DriverName, leaving: &[PciAddress]) -> Vec<Refusal> {
    let mut refusals = view.known.clone();
    refusals.extend(view.ungrouped.iter().copied().map(Refusal::NoGroup));
    let without = view.without_override.iter().copied();
    refusals.extend(without.map(Refusal::NoOverride));
    refusals.extend(
        view.neighbours
            .iter()
            .filter_map(|n| staying(n, stub, leaving)),
    );
    refusals.extend(held(view));
    refusals.extend(carried(view));
    let foreign = |kept: &&(PciAddress, String)| kept.1 != stub.as_str();
    refusals.extend(view.driverctl.iter().filter(foreign).map(driverctl));
    refusals
}

/// Every reason not to give the card back to the host. `is_known` says that it was us who took it:
/// then it is no business of driverctl's.
pub fn judge_attach(view: &CardView, is_known: bool) -> Vec<Refusal> {
    let mut refusals = view.known.clone();
    refusals.extend(held(view));
    if !is_known {
        refusals.extend(view.driverctl.iter().map(driverctl));
    }
    refusals
}

/// A neighbour that would keep the group from being given to a guest.
fn staying(neighbour: &Neighbour, stub: &DriverName, leaving: &[PciAddress]) -> Option<Refusal> {
    let binding = &neighbour.binding;
    let driver = binding.driver.as_ref()?;
    // A guest may ask for the disk that the host runs from; it does not get it by our help.
    let leaves = leaving.contains(&binding.function) && neighbour.burdens.is_empty();
    if binding.class.is_bridge() || binding.is_detached(stub) || is_neutral(driver) || leaves {
        return None;
    }
    Some(Refusal::GroupShared {
        group: neighbour.group,
        member: binding.function,
        driver: driver.clone(),
        card: neighbour.card,
        burdens: neighbour.burdens.clone(),
    })
}

/// Whether a driver leaves its function alone: the kernel lets those stay in a guest's group.
fn is_neutral(driver: &DriverName) -> bool {
    driver.as_str() == "pci-stub"
}

fn held(view: &CardView) -> Vec<Refusal> {
    let users = view.users.iter().cloned().map(Refusal::Used);
    let unseen = view.unseen.iter().cloned().map(Refusal::Unseen);
    users.chain(unseen).collect()
}

fn carried(view: &CardView) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (function, framebuffer) in &view.consoles {
        refusals.push(Refusal::Console {
            function: *function,
            framebuffer: framebuffer.clone(),
        });
    }
    for (function, burden) in &view.burdens {
        refusals.push(Refusal::Carries {
            function: *function,
            burden: burden.clone(),
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
