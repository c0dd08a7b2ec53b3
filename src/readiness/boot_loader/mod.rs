//! The kernel command line of the next boot: where it is configured on this host, how it is changed,
//! and whether a change waits for a reboot.

mod files;
mod lines;
mod recognise;
mod table;

pub use files::{BOOT_FOLDERS, EFI_GRUBS, FILES, FILES_BELOW_BOOT, FOLDERS};
pub use table::{BootLoader, Change, LOADERS, Row};
