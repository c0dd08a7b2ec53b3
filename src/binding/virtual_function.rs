//! SR-IOV virtual functions, and which of them a guest gets from their own driver.

use crate::pci::{DriverName, PciAddress};

/// NVIDIA's driver on the host. From vGPU 17 on it is itself the VFIO driver of its virtual functions.
const NVIDIA: &str = "nvidia";

/// An SR-IOV virtual function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualFunction {
    /// Its address.
    pub address: PciAddress,
    /// The driver it is bound to.
    pub driver: Option<DriverName>,
    /// The type of its vGPU (`nvidia/current_vgpu_type`), if it has one.
    pub vgpu_type: Option<u32>,
}

impl VirtualFunction {
    /// What guests get of it: `its vGPU (type 1145)`.
    pub fn vgpu(&self) -> String {
        match self.vgpu_type {
            Some(number) => format!("its vGPU (type {number})"),
            None => "its vGPU".to_owned(),
        }
    }

    /// Whether its own driver gives it to a guest. If libvirt bound it to `vfio-pci`, it would not work: so
    /// its hostdev must have `managed='no'`.
    pub fn needs_its_driver(&self) -> bool {
        let is_nvidia = |driver: &DriverName| driver.as_str() == NVIDIA;
        let driver = self.driver.as_ref();
        driver.is_some_and(|driver| is_nvidia(driver) || self.vgpu_type.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_function_with_a_vgpu_needs_its_driver() {
        for (driver, vgpu_type, needs) in [
            (Some("nvidia"), Some(1145), true),
            (Some("nvidia"), None, true),
            (Some("nvidia_vgpu"), Some(1145), true),
            (Some("vfio-pci"), None, false),
            (Some("ixgbevf"), None, false),
            (None, Some(1145), false),
            (None, None, false),
        ] {
            let function = VirtualFunction {
                address: "0001:c8:00.4".parse().expect("an address"),
                driver: driver.map(|name| name.parse().expect("a name")),
                vgpu_type,
            };
            assert_eq!(
                function.needs_its_driver(),
                needs,
                "{driver:?} {vgpu_type:?}"
            );
        }
    }
}
