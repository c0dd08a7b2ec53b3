//! The age of the initramfs, which has a copy of modprobe's configuration.

use std::time::{Duration, SystemTime};

use crate::host::Machine;

/// A file that is written together with the image is not newer.
const SLACK: Duration = Duration::from_secs(1);
const NAME_BYTES: u64 = 256;

impl Machine {
    /// Whether a file was changed after the initramfs of the running kernel was made; `false` if that is unknown.
    pub(super) fn is_after_initramfs(&self, path: &str) -> bool {
        let made = self
            .initramfs_paths()
            .into_iter()
            .find_map(|path| self.changed(&path));
        let age = made.and_then(|made| self.changed(path)?.duration_since(made).ok());
        age.is_some_and(|age| age > SLACK)
    }

    /// Where distributions have the initramfs of the running kernel: Debian, Red Hat, SUSE, Arch.
    fn initramfs_paths(&self) -> Vec<String> {
        let Some(folder) = self.modules_folder() else {
            return Vec::new();
        };
        let release = self.release();
        let package = self.read_start_as_text(&format!("{folder}/pkgbase"), NAME_BYTES);
        let package = package.trim();
        let mut paths = vec![
            format!("/boot/initrd.img-{release}"),
            format!("/boot/initramfs-{release}.img"),
            format!("/boot/initrd-{release}"),
        ];
        if !package.is_empty() && !package.contains('/') {
            paths.push(format!("/boot/initramfs-{package}.img"));
        }
        paths
    }

    /// When a file was last changed.
    fn changed(&self, path: &str) -> Option<SystemTime> {
        self.path(path).metadata().ok()?.modified().ok()
    }
}
