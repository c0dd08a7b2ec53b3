//! What a kernel knows of a machine: functions, drivers, modules; and how it differs by its age.

use std::time::Duration;

use nix::errno::Errno;

/// A PCI function.
#[derive(Clone, Debug)]
pub struct Device {
    pub address: String,
    /// Its folder, from the root of the machine.
    pub folder: String,
    pub vendor: u16,
    pub device: u16,
    pub class: u32,
    pub group: Option<String>,
    /// The kernel's own pointer: while a driver lets go, its link is gone and this is still set.
    pub driver: Option<String>,
    pub overridden: Option<String>,
    pub lock: Lock,
    /// Tells a function from the one that had its address before.
    pub serial: u64,
    /// N of `vfio-dev/vfioN`.
    pub vfio: Option<u32>,
}

impl Device {
    /// Whether it leads to another bus, so that its configuration is a bridge's.
    pub fn is_bridge(&self) -> bool {
        self.class >> 8 == 0x0604
    }
}

/// The device lock: a queue, and whose turn it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock {
    pub turn: usize,
    end: usize,
}

impl Lock {
    /// Our place.
    pub fn queue(&mut self) -> usize {
        self.end += 1;
        self.end - 1
    }
}

/// A function that a driver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    Exactly(u16, u16),
    /// The upper 16 of the 24 bits of the class.
    Class(u16),
}

/// A driver. One that knows no function, as vfio-pci, takes only what an override gives it.
#[derive(Clone, Debug)]
pub struct Driver {
    pub name: String,
    pub ids: Vec<Id>,
    /// What brings it; none for one built in.
    pub module: Option<String>,
    pub registered: bool,
    /// A group of which it has a member can be a guest's.
    pub leaves_dma_alone: bool,
    pub is_vfio: bool,
}

impl Driver {
    /// Built in, and knowing nothing.
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

    /// Of a module that is loaded from the start.
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

    /// What `pci_match_device` says: an override is the only driver, whatever that knows.
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

/// What comes of loading a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Works,
    Fails(Errno),
    /// `modprobe -b` says success and loads nothing.
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

/// Why a driver does not take a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Errno(Errno),
    /// Later, perhaps: `bind` says EAGAIN.
    Deferred,
}

/// What a driver does when it is to take a function or to let it go. By default: nothing, at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub takes: Duration,
    /// Until other work is scripted, or the kernel is dropped.
    pub blocks: bool,
    /// Of taking only: letting go cannot fail.
    pub fails: Option<Refusal>,
}

impl Work {
    pub fn fails(errno: Errno) -> Self {
        Self::default().then_fails(errno)
    }

    /// As drivers do that do not want a function: nobody is told, unless by `bind`.
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

/// How kernels of other ages differ. Which files a function has, the tree says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Since 5.14 `bind` tells EBUSY and what went wrong; before, all is ENODEV.
    pub bind_tells: bool,
    /// Since 5.19 drivers say themselves whether they leave DMA to a guest; before, VFIO kept a list.
    pub dma_ownership: bool,
    /// Since 6.1.
    pub vfio_dev: bool,
    /// Until 6.12 `driver_override` is read and written under the device lock.
    pub override_is_locked: bool,
}

impl Flavour {
    /// Of a release as `uname -r` says it.
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
        }
    }
}
