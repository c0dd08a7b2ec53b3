//! Reasons to refuse, all found before the first write.

use std::fmt;

use crate::binding::{HostConsole, PendingWrite, Unseen, User};
use crate::escape::printable;
use crate::failure::{Code, Failure, UNCHANGED};
use crate::gpu::CardName;
use crate::listing::{listed, thousands};
use crate::pci::{DriverName, Identity, IommuGroup, PciAddress};
use crate::uuid::MediatedUuid;

/// What the host uses a function for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostUse {
    /// A mounted file system.
    FileSystem {
        /// The block device: `sda1`.
        device: String,
        /// Where it is mounted.
        at: String,
    },
    /// A swap area in use.
    Swap {
        /// The block device.
        device: String,
    },
    /// A ZFS pool that is imported.
    Pool {
        /// The block device.
        device: String,
        /// The pool.
        pool: String,
    },
    /// A volume or an array that is built on it, whatever that is used for.
    Holder {
        /// The block device.
        device: String,
        /// The volume: `md0`.
        holder: String,
    },
    /// The default route.
    DefaultRoute {
        /// The network interface.
        interface: String,
    },
}

/// One reason not to detach or attach a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The function has no IOMMU group.
    NoGroup(PciAddress),
    /// Another device of the group stays on a host driver.
    GroupShared {
        /// The group.
        group: IommuGroup,
        /// The device.
        member: PciAddress,
        /// Its driver.
        driver: DriverName,
        /// The card that it is part of.
        card: Option<CardName>,
        /// What the host uses it for.
        host_uses: Vec<HostUse>,
    },
    /// The firmware wants regions of memory mapped one to one for a device of the group.
    ReservedRegions {
        /// The group.
        group: IommuGroup,
        /// The regions, at least one: `0xe8000-0xe8fff`.
        regions: Vec<String>,
    },
    /// The stub driver cannot be loaded.
    NoStub {
        /// The stub driver.
        driver: DriverName,
        /// What `modprobe` said.
        why: String,
    },
    /// The kernel has no `driver_override`.
    NoOverride(PciAddress),
    /// A process uses it.
    Used(User),
    /// Some processes could not be checked.
    Unseen(Unseen),
    /// The host's console is on it.
    Console {
        /// The function.
        function: PciAddress,
        /// The console.
        console: HostConsole,
    },
    /// The firmware's framebuffer is in its memory, and the stub driver does not remove it.
    FirmwareFramebuffer {
        /// The function.
        function: PciAddress,
        /// The framebuffer, such as `fb0`.
        framebuffer: String,
    },
    /// The host uses one of its functions.
    UsedByHost {
        /// The function.
        function: PciAddress,
        /// What.
        host_use: HostUse,
    },
    /// It has virtual functions.
    VirtualFunctions {
        /// The physical function.
        function: PciAddress,
        /// How many it has.
        count: usize,
    },
    /// It has a mediated device, whose parent must stay on its host driver.
    MediatedDevice {
        /// The function.
        function: PciAddress,
        /// The device.
        uuid: MediatedUuid,
    },
    /// It is prepared for another guest.
    Held {
        /// That guest.
        guest: String,
    },
    /// A card of its group, which was to be detached with it, is refused.
    HeldBack {
        /// The group.
        group: IommuGroup,
        /// That card.
        card: CardName,
    },
    /// Another guest has a device of its group.
    GroupHeld {
        /// The group.
        group: IommuGroup,
        /// The device.
        member: PciAddress,
        /// The card that it is part of.
        card: Option<CardName>,
        /// That guest.
        guest: String,
    },
    /// A write of an earlier command has not ended.
    Poisoned(PendingWrite),
    /// Another card is where this one was recorded.
    Differs {
        /// Its name.
        name: CardName,
        /// What is recorded.
        recorded: Identity,
        /// What is there now.
        found: Identity,
        /// Where the recorded card seems to be.
        gone_to: Option<PciAddress>,
    },
    /// driverctl has set its driver.
    Driverctl {
        /// The function.
        function: PciAddress,
        /// The driver that driverctl sets.
        driver: String,
    },
    /// More refusals of one kind than a message can name.
    More {
        /// The kind.
        code: Code,
        /// How many are not named.
        count: usize,
    },
}

impl Refusal {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoGroup(_) => Code::NoIommuGroup,
            Self::GroupShared { .. } | Self::HeldBack { .. } => Code::Group,
            Self::ReservedRegions { .. } => Code::ReservedRegion,
            Self::NoStub { .. } => Code::NoStubDriver,
            Self::NoOverride(_) => Code::NoDriverOverride,
            Self::Used(_) => Code::Busy,
            Self::Unseen(_) => Code::UnknownUsers,
            Self::Console { .. } | Self::FirmwareFramebuffer { .. } => Code::Console,
            Self::UsedByHost { .. } => Code::NeededByHost,
            Self::VirtualFunctions { .. } => Code::VirtualFunctions,
            Self::MediatedDevice { .. } => Code::MediatedDevice,
            Self::Held { .. } | Self::GroupHeld { .. } => Code::Held,
            Self::Poisoned(_) => Code::Poisoned,
            Self::Differs { .. } => Code::CardChanged,
            Self::Driverctl { .. } => Code::Driverctl,
            Self::More { code, .. } => *code,
        }
    }

    /// What to do.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoGroup(_) => {
                "run `gpupci check`: it says how to enable the IOMMU of this host; if other \
                                 cards have a group, move this one to another slot"
                    .to_owned()
            }
            Self::GroupShared {
                card: Some(card), ..
            } => {
                format!("detach {card} in the same command, and give both cards to the same guest")
            }
            Self::GroupShared { .. } => {
                "move the card to another slot; `gpupci groups` shows the groups".to_owned()
            }
            Self::ReservedRegions { .. } => {
                "update the firmware, or free the region in its setup (HPE ProLiant: exclude the \
                 card's slot from HPE Shared Memory); else move the card to another slot, or ask \
                 the vendor of this machine"
                    .to_owned()
            }
            Self::NoStub { driver, .. } => {
                format!(
                    "check that the module of {driver} is installed, and not blacklisted in /etc/modprobe.d"
                )
            }
            Self::NoOverride(_) => {
                "boot Linux 3.16 or later, or a kernel of CentOS 7.2 or later".to_owned()
            }
            Self::Used(user) => match &user.guest {
                Some(guest) => format!("shut down guest {}", printable(guest.as_bytes())),
                None => format!(
                    "stop {} (pid {}), or keep it from using this card",
                    printable(user.command.as_bytes()),
                    user.pid
                ),
            },
            Self::Unseen(unseen) => unseen.remedy(),
            Self::Console { console, .. } => console.remedy(),
            Self::FirmwareFramebuffer { .. } => {
                "make another card the boot display (firmware setup), or add \
                 initcall_blacklist=sysfb_init to the kernel command line and reboot, after which \
                 the host may have no screen (video=efifb:off has no effect since Linux 5.15)"
                    .to_owned()
            }
            Self::UsedByHost { .. } => {
                "move it to a device that is not part of the card".to_owned()
            }
            Self::VirtualFunctions { function, .. } => {
                format!("remove them first: echo 0 > /sys/bus/pci/devices/{function}/sriov_numvfs")
            }
            Self::MediatedDevice { uuid, .. } => {
                format!(
                    "stop its guest, then remove it: echo 1 > /sys/bus/mdev/devices/{uuid}/remove"
                )
            }
            Self::Held { guest } => format!(
                "shut down guest {}; if it is not running, run `gpupci recover`",
                printable(guest.as_bytes())
            ),
            Self::HeldBack { card, .. } => {
                format!("see why {card} is refused: a group goes to one guest as a whole")
            }
            Self::GroupHeld { guest, .. } => format!(
                "give both to the same guest, or shut down guest {}",
                printable(guest.as_bytes())
            ),
            Self::Poisoned(_) => {
                "try again when the write has ended; if it never ends, check `dmesg`, \
                                  then reboot this host"
                    .to_owned()
            }
            Self::Differs { .. } => {
                "compare `gpupci list -v` with the cards that you expect; `gpupci renumber` \
                 reassigns the names; then update the attributes with `gpupci host set`"
                    .to_owned()
            }
            Self::Driverctl { function, .. } => {
                format!("driverctl unset-override {function}")
            }
            Self::More { count, .. } => {
                format!("do the same for the other {}", thousands(*count))
            }
        }
    }
}

impl Failure for Refusal {
    fn codes(&self) -> Vec<Code> {
        vec![self.code()]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        vec![self.remedy()]
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroup(function) => write!(
                f,
                "{function} has no IOMMU group: the IOMMU is off, or does not cover this device"
            ),
            Self::GroupShared {
                group,
                member,
                driver,
                card,
                host_uses,
            } => {
                write!(f, "IOMMU group {group} also contains {member}")?;
                if let Some(card) = card {
                    write!(f, " of {card}")?;
                }
                write!(f, ", which stays bound to {driver}")?;
                match listed(host_uses) {
                    uses if uses.is_empty() => Ok(()),
                    uses => write!(f, " and is used for {uses}"),
                }
            }
            Self::ReservedRegions { group, regions } => {
                let first = regions.first().map_or("", String::as_str);
                let first = printable(first.as_bytes());
                write!(f, "IOMMU group {group} has the reserved region {first}")?;
                if regions.len() > 1 {
                    write!(f, " and {} more", regions.len() - 1)?;
                }
                f.write_str(
                    " (direct): the firmware uses this memory through a device of the group, so \
                     the kernel gives the group to no guest",
                )
            }
            Self::NoStub { driver, why } => {
                write!(
                    f,
                    "the driver {driver} cannot be loaded: {}",
                    printable(why.as_bytes())
                )
            }
            Self::NoOverride(function) => write!(
                f,
                "this kernel has no driver_override for {function}, so it cannot bind this card \
                 without other cards of the same model"
            ),
            Self::Used(user) => {
                write!(
                    f,
                    "{} (pid {}",
                    printable(user.command.as_bytes()),
                    user.pid
                )?;
                if let Some(guest) = &user.guest {
                    write!(f, ", guest {}", printable(guest.as_bytes()))?;
                }
                write!(f, ") uses {}", user.node)
            }
            Self::Unseen(unseen) => write!(f, "cannot tell which processes use it: {unseen}"),
            Self::Console { function, console } => {
                let framebuffer = &console.framebuffer;
                write!(f, "the host's console is on {function} ({framebuffer})")
            }
            Self::FirmwareFramebuffer {
                function,
                framebuffer,
            } => write!(
                f,
                "the firmware's framebuffer ({framebuffer}) is in the memory of {function}, and \
                 vfio-pci does not remove it: a guest cannot use that memory (BAR: can't reserve)"
            ),
            Self::UsedByHost { function, host_use } => {
                write!(f, "{function} is used for {host_use}")
            }
            Self::VirtualFunctions { function, count } => {
                write!(f, "{function} has {count} virtual functions")
            }
            Self::MediatedDevice { function, uuid } => {
                write!(f, "{function} has the mediated device {uuid}")
            }
            Self::Held { guest } => {
                write!(f, "guest {} has this card", printable(guest.as_bytes()))
            }
            Self::HeldBack { group, card } => {
                write!(
                    f,
                    "{card}, which shares IOMMU group {group} with it, is refused"
                )
            }
            Self::GroupHeld {
                group,
                member,
                card,
                guest,
            } => {
                write!(f, "guest {} has {member}", printable(guest.as_bytes()))?;
                if let Some(card) = card {
                    write!(f, " of {card}")?;
                }
                write!(f, ", which shares IOMMU group {group} with it")
            }
            Self::Poisoned(pending) => write!(
                f,
                "a write to this card is still under way: {pending}; the card is locked until the \
                 write ends"
            ),
            Self::Differs {
                name,
                recorded,
                found,
                gone_to,
            } => {
                write!(
                    f,
                    "{name} was recorded as {recorded}, but {found} is there now"
                )?;
                match gone_to {
                    Some(address) => write!(f, "; {name} seems to be at {address}"),
                    None => write!(f, "; {name} was not found"),
                }
            }
            Self::Driverctl { function, driver } => write!(
                f,
                "driverctl has set the driver of {function} to {}",
                printable(driver.as_bytes())
            ),
            Self::More { count, .. } => {
                write!(f, "and {} more of this kind", thousands(*count))
            }
        }
    }
}

impl fmt::Display for HostUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, by) = match self {
            Self::FileSystem { device, at } => (at.as_str(), device),
            Self::Pool { device, pool } => (pool.as_str(), device),
            Self::Holder { device, holder } => (holder.as_str(), device),
            Self::Swap { device } => ("swap", device),
            Self::DefaultRoute { interface } => ("the default route", interface),
        };
        let (what, by) = (printable(what.as_bytes()), printable(by.as_bytes()));
        write!(f, "{what} ({by})")
    }
}
