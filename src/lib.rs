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
pub mod error;
pub mod escape;
pub mod exit;
pub mod failure;
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
pub mod settings;
