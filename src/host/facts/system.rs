//! Facts of the installed programs, and of systems that are built as an image.

use crate::host::Machine;
use crate::paths::PROGRAM_FOLDERS;
use crate::readiness::{Distribution, ImageMarks, ImageSystem, Programs};

impl Machine {
    /// Which of the programs that remedies name are installed.
    pub fn programs(&self) -> Programs {
        let folders = PROGRAM_FOLDERS
            .into_iter()
            .filter(|folder| self.exists(folder));
        let folders: Vec<&str> = folders.collect();
        if folders.is_empty() {
            return Programs::default();
        }
        Programs::of(Programs::candidates().filter(|name| {
            let path = |folder: &&str| self.exists(&format!("{folder}/{name}"));
            match name.starts_with('/') {
                true => self.exists(name),
                false => folders.iter().any(path),
            }
        }))
    }

    /// The kind of system, if it is one that is built as an image.
    pub fn image_system(
        &self,
        distribution: &Distribution,
        programs: &Programs,
    ) -> Option<ImageSystem> {
        let marks = ImageMarks {
            is_ostree: self.exists("/run/ostree-booted"),
            is_nixos: self.exists("/etc/NIXOS"),
            is_unraid: self.exists("/etc/unraid-version"),
            is_transactional: distribution.is_transactional(),
        };
        ImageSystem::of(marks, programs)
    }
}
