//! GPU pass-through for libvirt guests, on Rocks clusters and on plain hosts.
//!
//! Imports point down only:
//!
//! ```text
//! programs    bin/gpupci   hooks/qemu   plugin/ffi   parse, call, print; decide nothing
//! the job     guest   settings   error   exit     what the programs share
//! machine     host   database                     implement the traits declared below
//! decisions   gpu   domain_xml   rocks            values in, values out; no I/O, no clock
//! words       pci                                 parse, compare, print
//! ```
#![forbid(unsafe_code)]

pub mod binding;
pub mod database;
pub mod domain_xml;
mod error;
mod excerpt;
mod exit;
pub mod gpu;
pub mod guest;
pub mod handover;
pub mod host;
pub mod naming;
pub mod pci;
pub mod rocks;
mod settings;

pub use error::Error;
pub use exit::Exit;
pub use settings::{GrammarError, Settings, SettingsError};
