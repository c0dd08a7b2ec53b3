//! The modules of the running kernel, and the module of each driver. modprobe's configuration names modules; a
//! driver may be called otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::readiness::DriverSource;
use crate::readiness::cmdline::underscored;

/// Drivers of functions of cards that are not called like their modules, for hosts that do not show it: the
/// `.name` of `struct pci_driver`, and the file of that module.
const RENAMED: [(&str, &str); 3] = [
    // drivers/usb/host/xhci-pci.c
    ("xhci_hcd", "xhci_pci"),
    // drivers/i2c/busses/i2c-nvidia-gpu.c
    ("nvidia-gpu", "i2c_nvidia_gpu"),
    // drivers/gpu/nova-core
    ("NovaCore", "nova_core"),
];

/// What is known of the kernel's modules. Their names are written with `_`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleFacts {
    /// Those that can be loaded (`modules.dep`).
    pub loadable: BTreeSet<String>,
    /// Those that are built into the kernel (`modules.builtin`).
    pub built_in: BTreeSet<String>,
    /// The registered PCI drivers, each with its module if the kernel shows it.
    pub drivers: BTreeMap<String, Option<String>>,
    /// Whether the modules of the running kernel are installed; true if its release is unknown.
    pub are_installed: bool,
}

impl ModuleFacts {
    /// Whether `module` is built into the kernel.
    pub(super) fn is_built_in(&self, module: &str) -> bool {
        self.built_in.contains(module)
    }

    /// The module of a driver.
    pub(super) fn module_of(&self, driver: &str) -> String {
        let shown = self.drivers.get(driver).cloned().flatten();
        let renamed = || RENAMED.iter().find(|(name, _)| *name == driver);
        shown
            .or_else(|| renamed().map(|(_, module)| (*module).to_owned()))
            .unwrap_or_else(|| underscored(driver))
    }

    /// Where a driver is found.
    pub fn source(&self, driver: &str) -> DriverSource {
        let module = self.module_of(driver);
        if self.is_built_in(&module) {
            DriverSource::BuiltIn
        } else if self.drivers.contains_key(driver) || self.loadable.contains(&module) {
            DriverSource::Module
        } else if self.are_installed {
            DriverSource::Missing
        } else {
            DriverSource::NoModules
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn facts() -> ModuleFacts {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let driver =
            |name: &str, module: Option<&str>| (name.to_owned(), module.map(str::to_owned));
        ModuleFacts {
            loadable: names(&["i2c_nvidia_gpu", "snd_hda_intel"]),
            built_in: names(&["xhci_pci", "ahci"]),
            drivers: BTreeMap::from([
                driver("i801_smbus", Some("i2c_i801")),
                driver("snd_hda_intel", Some("snd_hda_intel")),
                driver("ahci", None),
            ]),
            are_installed: true,
        }
    }

    #[test]
    fn module_of_a_driver_is_what_the_kernel_shows_or_else_what_is_known() {
        let facts = facts();
        for (driver, module) in [
            ("i801_smbus", "i2c_i801"),
            ("snd_hda_intel", "snd_hda_intel"),
            ("nvidia-gpu", "i2c_nvidia_gpu"),
            ("xhci_hcd", "xhci_pci"),
            ("vfio-pci", "vfio_pci"),
        ] {
            assert_eq!(facts.module_of(driver), module);
        }
    }

    #[test]
    fn driver_is_built_in_if_its_module_is() {
        let facts = facts();
        assert_eq!(facts.source("xhci_hcd"), DriverSource::BuiltIn);
        assert_eq!(facts.source("nvidia-gpu"), DriverSource::Module);
        assert_eq!(facts.source("vfio-pci"), DriverSource::Missing);
    }
}
