//! The words of the PCI bus: addresses, identifiers and classes, as the kernel and libvirt spell
//! them. Everything here parses, compares and prints; nothing here looks at a machine.

mod address;
mod class;
mod id;

pub use address::{AddressError, PciAddress, PciSlot, libvirt_number};
pub use class::ClassCode;
pub use id::{IdError, VendorId};
