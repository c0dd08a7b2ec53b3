//! Why the hook refuses to start a guest.

use std::fmt;

use crate::binding::{Refusal, VirtualFunction};
use crate::error::Error;
use crate::escape::printable;
use crate::failure::{Code, Failure, UNCHANGED, sentence};
use crate::gpu::CardName;
use crate::handover::CardError;
use crate::hook::input::InputError;
use crate::pci::{DriverName, PciAddress, PciSlot};
use crate::uuid::MediatedUuid;

/// Why a guest's cards were not prepared. It is shown as one line.
#[derive(Debug)]
pub enum HookRefusal {
    /// The cards cannot be checked at all.
    Host(Error),
    /// The guest's claims are not known.
    Input(InputError),
    /// A card was not prepared.
    Card(CardError),
    /// The cluster assigns a card to other guests: the output of `gpupci host allows`.
    AssignedElsewhere(String),
    /// Another device is where a card was recorded.
    CardChanged {
        /// The recorded card.
        name: CardName,
        /// Where.
        slot: PciSlot,
    },
    /// The guest claims a card and also a part of it that needs the host driver.
    ClaimedInParts {
        /// The card.
        name: CardName,
        /// Its slot.
        slot: PciSlot,
        /// The part.
        part: CardPart,
    },
    /// libvirt would take a virtual function from the driver that gives it to the guest.
    ManagedVirtualFunction(VirtualFunction),
    /// A process of the host uses an NVSwitch that the guest claims.
    SwitchInUse {
        /// The NVSwitch.
        address: PciAddress,
        /// Who uses it.
        refusals: Vec<Refusal>,
    },
    /// The guest claims an NVSwitch, but nothing takes it from the host.
    SwitchOnHost(PciAddress),
}

/// A part of a card that needs the host driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardPart {
    /// A mediated device, by its uuid.
    MediatedDevice(MediatedUuid),
    /// A render node, by its path.
    RenderNode(String),
}

impl Failure for HookRefusal {
    fn codes(&self) -> Vec<Code> {
        match self {
            Self::Host(error) => error.codes(),
            Self::Input(error) => error.codes(),
            Self::Card(error) => error.codes(),
            Self::AssignedElsewhere(_) => vec![Code::AssignedElsewhere],
            Self::CardChanged { .. } => vec![Code::CardChanged],
            Self::ClaimedInParts { .. } => vec![Code::ClaimedInParts],
            Self::ManagedVirtualFunction(_) => vec![Code::ManagedVirtualFunction],
            Self::SwitchInUse { refusals, .. } => {
                let mut codes: Vec<Code> = refusals.iter().map(Refusal::code).collect();
                codes.dedup();
                codes
            }
            Self::SwitchOnHost(_) => vec![Code::SwitchOnHost],
        }
    }

    fn causes(&self) -> Vec<String> {
        match self {
            Self::Host(error) => vec![sentence(error)],
            Self::Input(error) => vec![error.to_string()],
            Self::Card(error) => error.causes(),
            Self::AssignedElsewhere(why) => vec![why.clone()],
            Self::CardChanged { .. }
            | Self::ClaimedInParts { .. }
            | Self::ManagedVirtualFunction(_)
            | Self::SwitchOnHost(_) => Vec::new(),
            Self::SwitchInUse { refusals, .. } => {
                refusals.iter().map(ToString::to_string).collect()
            }
        }
    }

    fn state(&self) -> Option<String> {
        match self {
            Self::Card(error) => error.state(),
            // All come before the first write.
            _ => Some(UNCHANGED.to_owned()),
        }
    }

    fn remedies(&self) -> Vec<String> {
        let remedy = match self {
            Self::Host(error) => {
                let remedies = error.remedies();
                if !remedies.is_empty() {
                    return remedies;
                }
                "fix that, then start the guest again"
            }
            Self::Input(error) => return error.remedies(),
            Self::Card(error) => return error.remedies(),
            Self::AssignedElsewhere(_) => {
                "check `gpupci host list`; then remove the card from this guest's XML, or assign \
                 it to this guest in the cluster"
            }
            Self::CardChanged { .. } => {
                "compare `gpupci list -v` with the cards that you expect, then run `gpupci renumber`"
            }
            Self::ClaimedInParts { .. } => "remove one of the two from its XML",
            Self::ManagedVirtualFunction(claimed) => {
                let address = claimed.address;
                let edit = "with `virsh edit`, set managed='no' in the <hostdev>";
                return vec![format!("{edit} of {address}, then start the guest again")];
            }
            Self::SwitchInUse { .. } => {
                "stop the fabric manager of this host (systemctl stop nvidia-fabricmanager), or \
                 remove the NVSwitches from the guest's XML: then this host manages them"
            }
            Self::SwitchOnHost(address) => {
                let edit = "with `virsh edit`, set managed='yes' in the <hostdev>";
                return vec![format!("{edit} of {address}, then start the guest again")];
            }
        };
        vec![remedy.to_owned()]
    }
}

impl fmt::Display for HookRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(_) => f.write_str("cannot prepare its cards"),
            Self::Input(_) => f.write_str("cannot tell which cards it claims"),
            Self::Card(error) => error.fmt(f),
            Self::AssignedElsewhere(_) => f.write_str("cannot prepare its card"),
            Self::CardChanged { name, slot } => write!(
                f,
                "{name} was recorded at {slot}, but another device is there now"
            ),
            Self::ClaimedInParts { name, slot, part } => write!(
                f,
                "its XML claims {name} ({slot}) as a whole, and also {part}, which needs the card \
                 on its host driver"
            ),
            Self::SwitchInUse { address, .. } => {
                write!(f, "cannot give it the NVSwitch {address}")
            }
            Self::SwitchOnHost(address) => write!(
                f,
                "its XML claims the NVSwitch {address} without managed='yes', but it is bound to its \
                 host driver"
            ),
            Self::ManagedVirtualFunction(claimed) => {
                let driver = claimed.driver.as_ref();
                let driver = driver.map_or("no driver", DriverName::as_str);
                let (address, vgpu) = (claimed.address, claimed.vgpu());
                write!(
                    f,
                    "its XML claims the virtual function {address} with managed='yes': libvirt would \
                     take it from {driver}, the driver that gives {vgpu} to guests"
                )
            }
        }
    }
}

impl std::error::Error for HookRefusal {}

impl fmt::Display for CardPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediatedDevice(uuid) => write!(f, "its mediated device {uuid}"),
            Self::RenderNode(path) => {
                write!(f, "its render node {}", printable(path.as_bytes()))
            }
        }
    }
}

impl From<Error> for HookRefusal {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl From<CardError> for HookRefusal {
    fn from(error: CardError) -> Self {
        Self::Card(error)
    }
}
