//! Facts of kernel modules, and modprobe's configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::host::Machine;
use crate::pci::DriverName;
use crate::readiness::{ConfigFile, DriverSource, ModprobeFacts, StubFacts};

/// modprobe's folders (modprobe.d(5)). A file replaces files of the same name in earlier folders.
const FOLDERS: [&str; 5] = [
    "/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/run/modprobe.d",
    "/etc/modprobe.d",
];
/// Much larger than a usual file.
const CONFIG_BYTES: u64 = 1 << 20;
/// `modules.dep` has about 1 MB.
const LIST_BYTES: u64 = 32 << 20;

impl Machine {
    /// The facts of the stub driver.
    pub fn stub_facts(&self, driver: &DriverName) -> StubFacts {
        let is_loaded = self.has_driver(driver);
        let folder = format!("/lib/modules/{}", self.release());
        let lists = |list: &str| {
            let text = self.read_start_as_text(&format!("{folder}/{list}"), LIST_BYTES);
            text.lines().any(|line| is_module(line, driver.as_str()))
        };
        let source = if lists("modules.builtin") {
            DriverSource::BuiltIn
        } else if is_loaded || lists("modules.dep") {
            DriverSource::Module
        } else if self.release().is_empty() || self.exists(&folder) {
            DriverSource::Missing
        } else {
            DriverSource::NoModules
        };
        StubFacts {
            driver: driver.clone(),
            is_loaded,
            source,
            misspelled: None,
        }
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
        let files = paths.map(|path| {
            let bytes = self.read_limited(&path, CONFIG_BYTES);
            let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            ConfigFile {
                text: text.map_err(|error| error.to_string()),
                path,
            }
        });
        ModprobeFacts {
            files: files.collect(),
        }
    }

    /// Whether a file only masks another of the same name, as a link to `/dev/null`.
    fn is_masked(&self, path: &str) -> bool {
        let target = fs::read_link(self.path(path));
        target.is_ok_and(|target| target == Path::new("/dev/null"))
    }
}

/// Whether a line of `modules.builtin` or `modules.dep` is for this module:
/// `kernel/drivers/vfio/pci/vfio-pci.ko.xz: …`. The file name may have `-` or `_`.
fn is_module(line: &str, module: &str) -> bool {
    let path = line.split(':').next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let name = file.split_once(".ko").map(|(name, _)| name);
    name.is_some_and(|name| name.replace('-', "_") == module.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_modules_dep_is_about_the_module_before_its_colon() {
        for (line, is_it) in [
            ("kernel/drivers/vfio/pci/vfio-pci.ko", true),
            ("kernel/drivers/vfio/pci/vfio_pci.ko.zst: kernel/a.ko", true),
            (
                "kernel/x/mlx5-vfio-pci.ko: kernel/drivers/vfio/pci/vfio-pci.ko",
                false,
            ),
            ("kernel/drivers/vfio/pci/vfio-pci-core.ko:", false),
            ("vfio-pci", false),
            ("", false),
        ] {
            assert_eq!(is_module(line, "vfio-pci"), is_it, "{line}");
        }
    }
}
