//! GPU pass-through for libvirt guests, on Rocks clusters and on plain hosts.
//!
//! The modules form layers, and imports point down only: `docs/architecture.md` has the table, and
//! `tests/architecture.rs` checks every file.
#![forbid(unsafe_code)]

// Jobs: what a program is asked for.

/// Collects the facts of this host, its cards and its cluster for `gpupci check`.
pub mod check;
/// Why the last start of a guest failed.
pub mod diagnosis;
/// Every error of the library in one type.
pub mod error;
/// A guest's cards in its domain XML, and the cards that the cluster assigns to other guests.
pub mod guest;
/// Detaches a card from its host drivers, attaches it again, recovers after a crash.
pub mod handover;
/// What the libvirt hook does at each step of a guest.
pub mod hook;
/// Installs the libvirt hook, removes it and reports its state.
pub mod hook_install;
/// Card names, recorded for each slot.
pub mod naming;
/// The settings in `/etc/gpupt.toml`, and the choice of the database.
pub mod settings;

// The machine: all that reads and writes outside of the process.

/// Rocks' tables in MySQL and SQLite, with a deadline for every query.
pub mod database;
/// The files, processes and programs of this host, below a root.
pub mod host;

// Decisions: values in, values out.

/// How a function is bound, the steps that bind it to another driver, and every reason to refuse.
pub mod binding;
/// Reads domain XML, and inserts hostdevs without changing another byte.
pub mod domain_xml;
/// What a card is, and the names `gpupci1`, `gpupci2`, …
pub mod gpu;
/// Where the libvirt hook is installed, and the steps that install and remove it.
pub mod hook_folder;
/// Whether a host can give its cards to guests, and what to do if it cannot.
pub mod readiness;
/// Rocks' attributes: names, values, precedence, conflicts.
pub mod rocks;

// Basic types: parsed, compared, printed.

/// Prints how long ago something was.
pub mod elapsed;
/// Makes text from outside safe to print.
pub mod escape;
/// The exit codes.
pub mod exit;
/// Prints an error with all its causes.
pub mod failure;
/// Lists in sentences: a handful of parts is named, the others are counted.
pub mod listing;
/// The absolute paths that gpupt uses.
pub mod paths;
/// PCI addresses, ids, classes, driver names, IOMMU groups.
pub mod pci;
/// The UUIDs of guests and mediated devices.
pub mod uuid;
