//! The types of the PCI bus: addresses, ids, classes, as the kernel and libvirt spell them.
//! Everything here parses, compares and prints; nothing here reads the host.

mod address;
mod class;
mod driver;
mod group;
mod id;
mod identity;

pub use address::{AddressError, PciAddress, PciSlot, libvirt_number};
pub use class::ClassCode;
pub use driver::{DriverName, DriverNameError};
pub use group::IommuGroup;
pub use id::{IdError, VendorId};
pub use identity::{Identity, id_from_sysfs};
