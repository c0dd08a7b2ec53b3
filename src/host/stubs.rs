//! The drivers for guests that this machine has.

use std::fs;

use crate::binding::{Stub, VfioAliases, module_of};
use crate::host::Machine;
use crate::paths::{MODULES, PCI_DRIVERS};
use crate::pci::{DriverName, PciAddress};

/// `modules.alias` has about 1 MB; libvirt reads 8 MiB.
const ALIASES_BYTES_MAX: u64 = 8 << 20;

impl Machine {
    /// The functions that the VFIO drivers of the running kernel are for; none if its modules are not
    /// installed.
    pub fn vfio_aliases(&self) -> VfioAliases {
        let Some(folder) = self.modules_folder() else {
            return VfioAliases::default();
        };
        let bytes = self.read_limited(&format!("{folder}/modules.alias"), ALIASES_BYTES_MAX);
        VfioAliases::parse(&String::from_utf8_lossy(&bytes.unwrap_or_default()))
    }

    /// The folder of the running kernel's modules; `None` if the release is unknown.
    pub(super) fn modules_folder(&self) -> Option<String> {
        let release = self.release();
        // The release is part of a path and must not lead elsewhere.
        let is_name = !release.is_empty() && !release.contains('/');
        is_name.then(|| format!("{MODULES}/{release}"))
    }

    /// The driver that `function` is bound to for a guest.
    pub fn stub_of(&self, function: PciAddress, stub: &Stub, aliases: &VfioAliases) -> DriverName {
        let class = self.class(function).ok().flatten();
        let ids = self.identity(function).ok().flatten().zip(class);
        let modalias = ids.map(|(ids, class)| ids.modalias(class));
        let registered = match stub {
            Stub::Auto => Vec::new(),
            Stub::Named(_) => self.drivers(),
        };
        stub.driver_for(&modalias.unwrap_or_default(), aliases, &registered)
    }

    /// The PCI drivers that are loaded.
    pub fn drivers(&self) -> Vec<DriverName> {
        let names = self.children(PCI_DRIVERS).into_iter();
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// The loaded driver of this name, or else the one that comes from the module of this name: a driver may
    /// be called otherwise than its module.
    pub fn loaded_driver(&self, name: &DriverName) -> Option<DriverName> {
        if self.has_driver(name) {
            return Some(name.clone());
        }
        let module = module_of(name);
        let is_of_module = |driver: &DriverName| {
            let link = self.path(format!("{PCI_DRIVERS}/{driver}/module"));
            fs::read_link(link).is_ok_and(|target| target.ends_with(&module))
        };
        self.drivers().into_iter().find(is_of_module)
    }
}
