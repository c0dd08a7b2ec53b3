//! What to do, where several failures need the same.

/// A file cannot be written.
pub const WRITABLE: &str = "see that there is room, and that root may write there";
/// sysfs cannot be read.
pub const SYSFS: &str = "see that /sys is mounted and that this is a PCI host";
/// Only root may.
pub const ROOT: &str = "run this as root";
/// Another program of ours is at work.
pub const WAIT: &str = "try again when it has ended";
/// The names of the cards cannot be read.
pub const RENUMBER: &str = "look at the file; `gpupci renumber` writes it anew";
