//! Facts of kernel modules, and modprobe's configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::host::Machine;
use crate::paths::{LOADED_MODULES, PCI_DRIVERS};
use crate::pci::DriverName;
use crate::readiness::{ConfigFile, ModprobeFacts, ModuleFacts, SWITCHES, SwitchFacts};

/// modprobe's folders (modprobe.d(5)). A file replaces files of the same name in earlier folders.
const FOLDERS: [&str; 5] = [
    "/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/run/modprobe.d",
    "/etc/modprobe.d",
];
/// Folders and files that name modules: dracut.conf(5), mkinitcpio.conf(5), initramfs-tools(7), modules-load.d(5).
const MODULE_FOLDERS: [&str; 3] = [
    "/etc/dracut.conf.d",
    "/etc/mkinitcpio.conf.d",
    "/etc/modules-load.d",
];
const MODULE_FILES: [&str; 3] = [
    "/etc/dracut.conf",
    "/etc/mkinitcpio.conf",
    "/etc/initramfs-tools/modules",
];
/// Much larger than a usual file.
const CONFIG_BYTES: u64 = 1 << 20;
/// `modules.dep` has about 1 MB.
const LIST_BYTES: u64 = 32 << 20;

impl Machine {
    /// The modules of the running kernel, and those of its PCI drivers.
    pub fn module_facts(&self) -> ModuleFacts {
        let folder = self.modules_folder();
        let list = |name: &str| {
            let path = folder.as_ref().map(|folder| format!("{folder}/{name}"));
            let text = path.map(|path| self.read_start_as_text(&path, LIST_BYTES));
            names(&text.unwrap_or_default())
        };
        let drivers = self.drivers().into_iter();
        ModuleFacts {
            loadable: list("modules.dep"),
            built_in: list("modules.builtin"),
            present: self.children(LOADED_MODULES).into_iter().collect(),
            drivers: drivers
                .map(|driver| (driver.to_string(), self.module_of_driver(&driver)))
                .collect(),
            are_installed: folder.is_none_or(|folder| self.exists(&folder)),
        }
    }

    /// The module of a registered driver; `None` if the kernel does not show it.
    fn module_of_driver(&self, driver: &DriverName) -> Option<String> {
        let link = self.path(format!("{PCI_DRIVERS}/{driver}/module"));
        let target = fs::read_link(link).ok()?;
        target.file_name()?.to_str().map(str::to_owned)
    }

    /// The switches of VFIO's modules that are loaded.
    pub fn module_switches(&self) -> Vec<SwitchFacts> {
        let switches = SWITCHES.into_iter().filter_map(|(module, name)| {
            let is_on = self.switch(module, name)?;
            Some(SwitchFacts {
                module,
                name,
                is_on,
            })
        });
        switches.collect()
    }

    /// modprobe's configuration.
    pub fn modprobe_facts(&self) -> ModprobeFacts {
        let mut paths = BTreeMap::new();
        for folder in FOLDERS {
            let names = self.children(folder).into_iter();
            let files = names.filter(|name| name.ends_with(".conf"));
            paths.extend(files.map(|name| (name.clone(), format!("{folder}/{name}"))));
        }
        let paths = paths.into_values().filter(|path| !self.is_masked(path));
        let paths: Vec<String> = paths.collect();
        let late = paths.iter().filter(|path| self.is_after_initramfs(path));
        ModprobeFacts {
            after_initramfs: late.cloned().collect(),
            files: paths
                .into_iter()
                .map(|path| self.config_file(path))
                .collect(),
        }
    }

    /// The files that name modules for the initramfs, or to be loaded at boot.
    pub fn module_lists(&self) -> Vec<ConfigFile> {
        let in_folders = MODULE_FOLDERS.into_iter().flat_map(|folder| {
            let names = self.children(folder).into_iter();
            let files = names.filter(|name| name.ends_with(".conf"));
            files.map(move |name| format!("{folder}/{name}"))
        });
        let files = MODULE_FILES.into_iter().filter(|path| self.exists(path));
        let all = files.map(str::to_owned).chain(in_folders);
        all.map(|path| self.config_file(path)).collect()
    }

    fn config_file(&self, path: String) -> ConfigFile {
        let bytes = self.read_limited(&path, CONFIG_BYTES);
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        ConfigFile {
            text: text.map_err(|error| error.to_string()),
            path,
        }
    }

    /// Whether a file only masks another of the same name, as a link to `/dev/null`.
    fn is_masked(&self, path: &str) -> bool {
        let target = fs::read_link(self.path(path));
        target.is_ok_and(|target| target == Path::new("/dev/null"))
    }
}

/// The modules of `modules.builtin` or `modules.dep`:
/// `kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/…`. Underscores, as in `/sys/module`, stand for dashes.
fn names(list: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let path = line.split(':').next()?;
        let file = path.rsplit('/').next()?;
        let (name, _) = file.split_once(".ko")?;
        Some(name.replace('-', "_"))
    };
    list.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn line_of_modules_dep_is_about_the_module_before_its_colon() {
        let list = "kernel/drivers/vfio/pci/vfio-pci.ko\nkernel/a/b_c.ko.zst: kernel/a.ko\n\
                    kernel/x/mlx5-vfio-pci.ko: kernel/vfio-pci-core.ko kernel/d.ko\nvfio-pci\n\n";
        let expected = ["vfio_pci", "b_c", "mlx5_vfio_pci"].map(str::to_owned);
        assert_eq!(names(list), BTreeSet::from(expected));
    }
}
