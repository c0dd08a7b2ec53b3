//! The state of libvirt's hook folder.

use crate::hook_folder::LibvirtVersion;

/// The state of libvirt's hook folder before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFolderState {
    /// Whether libvirt is installed.
    pub has_libvirt: bool,
    /// Its version, if that is known.
    pub version: Option<LibvirtVersion>,
    /// `hooks`.
    pub hooks: Folder,
    /// `hooks/qemu.d`.
    pub folder: Folder,
    /// `hooks/qemu`.
    pub hook: HookEntry,
    /// `hooks/qemu.d/gpupt`.
    pub in_folder: HookEntry,
    /// `hooks/qemu.before-gpupt`.
    pub before: HookBefore,
}

/// What is at the path of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Nothing.
    Missing,
    /// A folder.
    There,
    /// Something else, such as `a link to /srv/hooks`.
    Not(String),
}

/// What is at the path of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookEntry {
    /// Nothing.
    Nothing,
    /// Our hook.
    Ours {
        /// Whether content, mode and owner are those of the program that is to be installed.
        is_current: bool,
    },
    /// A hook that is not ours, or a link.
    Foreign,
    /// Not a file: `a directory`.
    Odd(&'static str),
}

/// What is at the path where ours keeps the hook that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookBefore {
    /// Nothing.
    Nothing,
    /// The same file as the hook: an install was interrupted.
    SameAsHook,
    /// A hook.
    Other,
    /// Not a file.
    Odd,
}

impl HookEntry {
    /// Whether it is our hook.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }
}
