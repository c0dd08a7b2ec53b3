//! Functions, drivers, modules, and the differences between kernel releases.

use std::time::Duration;

use nix::errno::Errno;

/// A PCI function.
#[derive(Clone, Debug)]
pub struct Device {
    pub address: String,
    /// Its folder, relative to the root of the host.
    pub folder: String,
    pub vendor: u16,
    pub device: u16,
    pub class: u32,
    pub group: Option<String>,
    /// The kernel's own pointer. During a driver's `remove`, the link is gone and this is still
    /// set.
    pub driver: Option<String>,
    pub overridden: Option<String>,
    pub lock: Lock,
    /// Distinguishes this function from an earlier one at the same address.
    pub serial: u64,
    /// N of `vfio-dev/vfioN`.
    pub vfio: Option<u32>,
}

impl Device {
    /// Whether its configuration header is not the normal one: bridges to another bus have their own.
    /// Host, ISA and other bridges have the normal one.
    pub fn has_bridge_header(&self) -> bool {
        matches!(self.class >> 8, 0x0604 | 0x0607 | 0x0609)
    }
}

/// The device lock: a queue of tickets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock {
    pub turn: usize,
    end: usize,
}

impl Lock {
    /// Takes the next ticket.
    pub fn queue(&mut self) -> usize {
        self.end += 1;
        self.end - 1
    }
}

/// An entry of a driver's id table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    Exactly(u16, u16),
    /// The upper 16 of the 24 bits of the class.
    Class(u16),
}

/// A driver. Without ids, as vfio-pci, it binds only by an override.
#[derive(Clone, Debug)]
pub struct Driver {
    pub name: String,
    pub ids: Vec<Id>,
    /// Its module; none if it is built in.
    pub module: Option<String>,
    pub registered: bool,
    /// Whether it is a VFIO driver: a guest can have the group of its functions.
    pub leaves_dma_alone: bool,
    pub is_vfio: bool,
}

impl Driver {
    /// A built-in driver without ids.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ids: Vec::new(),
            module: None,
            registered: true,
            leaves_dma_alone: matches!(name, "pcieport" | "pci-stub"),
            is_vfio: false,
        }
    }

    pub fn id(mut self, vendor: u16, device: u16) -> Self {
        self.ids.push(Id::Exactly(vendor, device));
        self
    }

    pub fn class(mut self, class: u16) -> Self {
        self.ids.push(Id::Class(class));
        self
    }

    /// Absent until this module is loaded.
    pub fn module(mut self, name: &str) -> Self {
        self.module = Some(name.to_owned());
        self.registered = false;
        self
    }

    /// From a module that is loaded at the start.
    pub fn loaded(mut self) -> Self {
        self.registered = true;
        self
    }

    /// vfio-pci or one of its variants.
    pub fn vfio(mut self) -> Self {
        self.is_vfio = true;
        self.leaves_dma_alone = true;
        self
    }

    /// As `pci_match_device`: with an override, only the driver of that name matches, whatever its
    /// ids.
    pub fn matches(&self, device: &Device) -> bool {
        let knows = |id: &Id| match *id {
            Id::Exactly(v, d) => (v, d) == (device.vendor, device.device),
            Id::Class(class) => u32::from(class) == device.class >> 8,
        };
        match &device.overridden {
            Some(name) => *name == self.name,
            None => self.ids.iter().any(knows),
        }
    }
}

/// The result of loading a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Works,
    Fails(Errno),
    /// `modprobe -b` succeeds and loads nothing.
    Blacklisted,
    Blocks,
}

/// A module that can be loaded.
#[derive(Clone, Debug)]
pub struct Module {
    pub needs: Vec<String>,
    pub load: Load,
    pub loaded: bool,
}

/// Why a probe fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Errno(Errno),
    /// Deferred: `bind` gives EAGAIN.
    Deferred,
}

/// What a driver does in its `probe` or `remove`. By default it succeeds at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub takes: Duration,
    /// Blocks until the script changes, or the kernel is dropped.
    pub blocks: bool,
    /// For a probe only: a `remove` cannot fail.
    pub fails: Option<Refusal>,
}

impl Work {
    pub fn fails(errno: Errno) -> Self {
        Self::default().then_fails(errno)
    }

    /// The probe declines the function. Only `bind` reports this.
    pub fn refuses() -> Self {
        Self::fails(Errno::ENODEV)
    }

    pub fn deferred() -> Self {
        Self {
            fails: Some(Refusal::Deferred),
            ..Self::default()
        }
    }

    pub fn takes(takes: Duration) -> Self {
        Self {
            takes,
            ..Self::default()
        }
    }

    pub fn blocks() -> Self {
        Self {
            blocks: true,
            ..Self::default()
        }
    }

    pub fn then_fails(mut self, errno: Errno) -> Self {
        self.fails = Some(Refusal::Errno(errno));
        self
    }
}

/// The differences between kernel releases. The tree decides which files a function has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Since 5.14 `bind` gives EBUSY and the errno of the probe; before, always ENODEV.
    pub bind_tells: bool,
    /// Since 5.19 each driver declares whether it leaves DMA to a guest; before, VFIO had a list.
    pub dma_ownership: bool,
    /// Functions of VFIO drivers have `vfio-dev`, since 6.1.
    pub vfio_dev: bool,
    /// Until 6.12 `driver_override` is read and written under the device lock.
    pub override_is_locked: bool,
    /// What a guest gets in a group with a region that must stay mapped one to one. Until 6.6 this is
    /// the answer of Intel's IOMMU.
    pub direct_region: Errno,
}

impl Flavour {
    /// The flavour of a release as `uname -r` prints it.
    pub fn of(release: &str) -> Self {
        let mut numbers = release
            .split(|c: char| !c.is_ascii_digit())
            .map(|number| number.parse().unwrap_or(0));
        let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Self {
            bind_tells: version >= (5, 14),
            dma_ownership: version >= (5, 19),
            vfio_dev: version >= (6, 1),
            override_is_locked: version < (6, 12),
            direct_region: match version >= (6, 6) {
                true => Errno::EINVAL,
                false => Errno::EPERM,
            },
        }
    }
}
