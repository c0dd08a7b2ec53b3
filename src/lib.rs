//! GPU pass-through for libvirt guests, on Rocks clusters and on plain hosts.
//!
//! Imports point down only:
//!
//! ```text
//! programs    bin/gpupci   hooks/qemu   plugin/ffi   parse, call, print; decide nothing
//! the job     guest   handover   diagnosis   readiness   naming   settings   error
//! machine     host   database                     implement the traits declared below
//! decisions   binding   gpu   domain_xml   rocks  values in, values out; no I/O, no clock
//! words       pci   exit                          parse, compare, print
//! ```
#![forbid(unsafe_code)]

pub mod binding;
pub mod check;
pub mod database;
pub mod diagnosis;
pub mod domain_xml;
mod error;
mod excerpt;
mod exit;
pub mod gpu;
pub mod guest;
pub mod handover;
pub mod hook;
pub mod hook_folder;
pub mod hook_install;
pub mod host;
pub mod naming;
pub mod pci;
pub mod readiness;
pub mod rocks;
mod settings;

pub use error::{Error, sentence};
pub use excerpt::printable;
pub use exit::Exit;
pub use settings::{GrammarError, Settings, SettingsError};
