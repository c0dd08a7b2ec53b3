//! SR-IOV virtual functions, from sysfs.

use crate::binding::VirtualFunction;
use crate::host::{Machine, SysfsError};
use crate::paths::PCI_DEVICES;
use crate::pci::PciAddress;

/// NVIDIA's driver makes it below each of its virtual functions (NVIDIA's vGPU manual); 0 means no vGPU.
const VGPU_TYPE: &str = "nvidia/current_vgpu_type";

impl Machine {
    /// The virtual function at `address`; `None` if there is none, or a device of another kind.
    ///
    /// # Errors
    /// If sysfs cannot be read.
    pub fn virtual_function(
        &self,
        address: PciAddress,
    ) -> Result<Option<VirtualFunction>, SysfsError> {
        if !self.is_virtual(address)? {
            return Ok(None);
        }
        let vgpu_type = self.sysfs_attribute(address, VGPU_TYPE);
        let vgpu_type = vgpu_type.and_then(|text| text.parse().ok());
        Ok(Some(VirtualFunction {
            address,
            driver: self.driver(address)?,
            vgpu_type: vgpu_type.filter(|number| *number != 0),
        }))
    }

    /// The virtual functions of `function`, by address. To read `sriov_numvfs` would wait for the
    /// device lock.
    pub fn virtual_functions(&self, function: PciAddress) -> Vec<PciAddress> {
        let names = self.children(&format!("{PCI_DEVICES}/{function}"));
        let links = names.iter().filter(|name| name.starts_with("virtfn"));
        let addresses = links.filter_map(|name| {
            let address = self.link_name(function, name).ok().flatten()?;
            address.parse().ok()
        });
        let mut addresses: Vec<PciAddress> = addresses.collect();
        addresses.sort();
        addresses
    }
}
