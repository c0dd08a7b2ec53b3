//! GPU pass-through for libvirt guests, on Rocks clusters and on plain hosts.
//!
//! The modules stand in layers, and imports point down only: `docs/architecture.md` has the table, and
//! `tests/architecture.rs` holds every file to it.
#![forbid(unsafe_code)]

// Jobs: what a program is asked for.

/// What `gpupci check` judges: the facts of this host, its cards and its cluster.
pub mod check;
/// Why the last start of a guest failed.
pub mod diagnosis;
/// Every error of the library in one type.
pub mod error;
/// A guest's cards in its domain XML, and which cards the cluster gives to other guests.
pub mod guest;
/// Detaches a card from its host drivers, attaches it again, recovers from a crash.
pub mod handover;
/// What the libvirt hook does at each step of a guest.
pub mod hook;
/// Installs the libvirt hook, removes it and reports its state.
pub mod hook_install;
/// The names of cards, which stay with their addresses.
pub mod naming;
/// The settings of `/etc/gpupt.toml`, and which database they mean.
pub mod settings;

// The machine: what reads and writes outside of the process.

/// Rocks' tables, in MySQL and in SQLite, with a deadline for every answer.
pub mod database;
/// The files, processes and programs of this host, below a root.
pub mod host;

// Decisions: values in, values out.

/// How a function is bound, the steps that bind it elsewhere, and every reason to refuse.
pub mod binding;
/// Reads domain XML, and puts hostdevs into it without changing another byte.
pub mod domain_xml;
/// What a card is, and the names `gpupci1`, `gpupci2`, …
pub mod gpu;
/// Where the libvirt hook belongs, and the steps that put it there.
pub mod hook_folder;
/// Whether a host can give its cards to guests, and what to do if it cannot.
pub mod readiness;
/// Rocks' attributes: names, values, precedence, conflicts.
pub mod rocks;

// Words: parsed, compared, printed.

/// How long ago something was, in words.
pub mod elapsed;
/// Text from outside, made safe for a terminal.
pub mod escape;
/// The exit codes.
pub mod exit;
/// How an error is told with all its causes.
pub mod failure;
/// Where things are on a machine.
pub mod paths;
/// PCI addresses, ids, classes, drivers, IOMMU groups.
pub mod pci;
