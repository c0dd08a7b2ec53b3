//! Facts of the boot loader: its files, and what it left in EFI variables.

use std::io::ErrorKind;

use crate::host::Machine;
use crate::readiness::boot_loader::{BOOT_FOLDERS, EFI_GRUBS, FILES, FILES_BELOW_BOOT, FOLDERS};
use crate::readiness::{BootFacts, ConfigFile, ImageSystem, Programs};

/// A generated `grub.cfg` has about 20 KiB.
const FILE_BYTES: u64 = 1 << 20;
/// More boot entries than an EFI partition usually has space for.
const FILES_OF_A_FOLDER: usize = 64;
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
/// The vendor of the variables of the Boot Loader Interface.
const LOADER_VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// The attributes before the value of an EFI variable (`Documentation/filesystems/efivarfs.rst`).
const ATTRIBUTE_BYTES: usize = 4;

impl Machine {
    /// What this machine shows of how it was started.
    pub fn boot_facts(&self, image: Option<ImageSystem>, programs: Programs) -> BootFacts {
        let release = self.release();
        let images = [
            format!("/lib/modules/{release}/vmlinuz"),
            format!("/boot/vmlinuz-{release}"),
        ];
        BootFacts {
            image,
            programs,
            running: self.kernel_cmdline(),
            kernel_image: images.into_iter().find(|path| self.exists(path)),
            release,
            loader_info: self.loader_variable("LoaderInfo"),
            is_unified: self.loader_variable("StubInfo").is_some(),
            is_efi: self.exists("/sys/firmware/efi"),
            files: self.boot_files().into(),
        }
    }

    /// A text that the boot loader left; empty if it is there and cannot be read.
    fn loader_variable(&self, name: &str) -> Option<String> {
        let path = format!("{EFI_VARIABLES}/{name}-{LOADER_VENDOR}");
        if !self.exists(&path) {
            return None;
        }
        let bytes = self.read_start(&path, 1024).unwrap_or_default();
        let value = bytes.get(ATTRIBUTE_BYTES..).unwrap_or_default();
        let (pairs, _) = value.as_chunks::<2>();
        let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        Some(String::from_utf16_lossy(&units))
    }

    fn boot_files(&self) -> Vec<ConfigFile> {
        let mut paths: Vec<String> = FILES.into_iter().map(str::to_owned).collect();
        for folder in BOOT_FOLDERS {
            paths.extend(FILES_BELOW_BOOT.map(|file| format!("{folder}{file}")));
        }
        for (folder, ending) in FOLDERS {
            let mut names = self.children(folder);
            names.retain(|name| name.ends_with(ending));
            names.truncate(FILES_OF_A_FOLDER);
            paths.extend(names.iter().map(|name| format!("{folder}/{name}")));
        }
        let vendors = self.children(EFI_GRUBS).into_iter().take(FILES_OF_A_FOLDER);
        paths.extend(vendors.map(|name| format!("{EFI_GRUBS}/{name}/grub.cfg")));
        paths
            .into_iter()
            .filter_map(|path| self.boot_file(path))
            .collect()
    }

    /// A file with its text; `None` if it does not exist.
    fn boot_file(&self, path: String) -> Option<ConfigFile> {
        let text = match self.read_start(&path, FILE_BYTES) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => return None,
                _ => Err(error.to_string()),
            },
        };
        Some(ConfigFile { path, text })
    }
}
