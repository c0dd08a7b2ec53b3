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
    /// Those in `/sys/module`: loaded, or built in.
    pub present: BTreeSet<String>,
    /// The registered PCI drivers, each with its module if the kernel shows it.
    pub drivers: BTreeMap<String, Option<String>>,
    /// Whether the modules of the running kernel are installed; true if its release is unknown.
    pub are_installed: bool,
}

/// A driver that is not called like its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renamed<'f> {
    /// The driver, as the kernel writes it.
    pub driver: &'f str,
    /// Its module.
    pub module: &'f str,
}

impl ModuleFacts {
    /// Whether the kernel has a module of this name, loaded, built in or neither.
    pub(super) fn has(&self, module: &str) -> bool {
        let lists = [&self.loadable, &self.built_in, &self.present];
        let is_listed = lists.iter().any(|list| list.contains(module));
        let mut drivers = self.drivers.keys();
        is_listed || drivers.any(|driver| self.module_of(driver) == module)
    }

    /// Whether the lists of modules could be read.
    pub(super) fn are_listed(&self) -> bool {
        !self.loadable.is_empty() || !self.built_in.is_empty()
    }

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

    /// The driver of this name, if its module is called otherwise. Also a name with `_` for `-` is found.
    pub(super) fn renamed(&self, name: &str) -> Option<Renamed<'_>> {
        let name = underscored(name);
        let shown = self.drivers.iter();
        let shown = shown.filter_map(|(driver, module)| Some((&**driver, module.as_deref()?)));
        let mut all = shown.chain(RENAMED);
        let (driver, module) = all.find(|(driver, _)| underscored(driver) == name)?;
        (module != name).then_some(Renamed { driver, module })
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
            present: BTreeSet::new(),
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
    fn driver_with_another_name_than_its_module_is_found_in_both_spellings() {
        let facts = facts();
        let module = |name| facts.renamed(name).map(|renamed| renamed.module);
        assert_eq!(module("nvidia-gpu"), Some("i2c_nvidia_gpu"));
        assert_eq!(module("nvidia_gpu"), Some("i2c_nvidia_gpu"));
        assert_eq!(module("i801_smbus"), Some("i2c_i801"));
        assert_eq!(module("snd_hda_intel"), None);
        assert_eq!(module("vfio-pci"), None);
    }

    #[test]
    fn driver_is_built_in_if_its_module_is() {
        let facts = facts();
        assert_eq!(facts.source("xhci_hcd"), DriverSource::BuiltIn);
        assert_eq!(facts.source("nvidia-gpu"), DriverSource::Module);
        assert_eq!(facts.source("vfio-pci"), DriverSource::Missing);
    }
}
