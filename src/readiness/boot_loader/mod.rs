//! The kernel command line of the next boot: where it is configured on this host, how it is changed,
//! and whether a change waits for a reboot.

mod table;

pub use table::{BootLoader, Change, LOADERS, Row};
