//! Which driver a function is bound to for a guest.

use crate::pci::DriverName;

/// The stub driver that the settings choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stub {
    /// The VFIO driver of each function.
    #[default]
    Auto,
    /// This driver for every function.
    Named(DriverName),
}

impl Stub {
    /// The driver for a function of which nothing else is known.
    pub fn driver(&self) -> DriverName {
        match self {
            Self::Auto => DriverName::vfio_pci(),
            Self::Named(driver) => driver.clone(),
        }
    }
}
