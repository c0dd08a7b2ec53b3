//! Remedies that several failures share.

/// A file cannot be written.
pub const WRITABLE: &str = "check that the file system has free space and is writable";
/// sysfs cannot be read.
pub const SYSFS: &str = "check that /sys is mounted and that this host has a PCI bus";
/// Only root may do this.
pub const ROOT: &str = "run this as root";
/// Another gpupci or hook is running.
pub const WAIT: &str = "wait until that command has ended, then try again";
/// The names of the cards cannot be read.
pub const RENUMBER: &str = "check the file; `gpupci renumber` writes a new one";
