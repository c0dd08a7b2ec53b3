//! The programs of the host that a remedy may name: only those that are installed.

use std::collections::BTreeSet;

use crate::readiness::{boot_loader, image, initramfs};

/// The programs that were found in the folders of programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    found: BTreeSet<String>,
    /// Whether there is a folder of programs. Without one it is unknown what is installed.
    are_known: bool,
}

impl Programs {
    /// The programs of a host whose folders of programs contain these, among others.
    pub fn of<'n>(found: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            found: found.into_iter().map(str::to_owned).collect(),
            are_known: true,
        }
    }

    /// The programs to look for: names and paths.
    pub fn candidates() -> impl Iterator<Item = &'static str> {
        let tools = initramfs::TOOLS.iter().map(|row| row.program);
        tools.chain(image::PROGRAMS).chain(boot_loader::PROGRAMS)
    }

    /// Whether `name` is installed.
    pub fn has(&self, name: &str) -> bool {
        self.found.contains(name)
    }

    /// Whether `name` may be installed: it is, or it is unknown what is.
    pub fn may_have(&self, name: &str) -> bool {
        self.has(name) || !self.are_known
    }
}
