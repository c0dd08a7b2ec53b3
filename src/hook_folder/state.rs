//! What is there, where hooks are.

use crate::hook_folder::LibvirtVersion;

/// What is there before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookFolderState {
    /// Whether there is a libvirt.
    pub has_libvirt: bool,
    /// Which, where that can be told.
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

/// What is there in the place of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Nothing.
    Missing,
    /// A folder.
    There,
    /// Something else, such as `a link to /srv/hooks`.
    Not(String),
}

/// What is there in the place of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookEntry {
    /// Nothing.
    Nothing,
    /// Our hook.
    Ours {
        /// Whether it is the very program that is to be installed, with its mode and its owner.
        is_current: bool,
    },
    /// A hook that is not ours, or a link.
    Foreign,
    /// No file at all, such as `a folder`.
    Odd(&'static str),
}

/// What is there in the place of the hook that made room for ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookBefore {
    /// Nothing.
    Nothing,
    /// The same as in the place of the hook: whoever was to move it did not come to an end.
    SameAsHook,
    /// A hook.
    Other,
    /// No file at all.
    Odd,
}

impl HookEntry {
    /// Whether it is our hook.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }
}
