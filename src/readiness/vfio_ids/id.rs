//! One id of vfio-pci's parameter `ids`: vendor and device, and more where it is given
//! (`drivers/vfio/pci/vfio_pci.c`, `vfio_pci_fill_ids`).

use crate::pci::Identity;

/// The wildcard for an id (`PCI_ANY_ID`).
const ANY: u32 = u32::MAX;

/// Whether `id` (`10de:1e84`, `10de:1e84:1043:8694`, more fields after that) matches `identity`.
pub(super) fn is_named(id: &str, identity: &Identity) -> bool {
    let numbers: Option<Vec<u32>> = id
        .split(':')
        .map(|part| u32::from_str_radix(part, 16).ok())
        .collect();
    let Some([vendor, device, subsystem @ ..]) = numbers.as_deref() else {
        return false;
    };
    let own_vendor = u32::from_str_radix(&identity.vendor.to_string(), 16);
    let (sub_vendor, sub_device) = identity.subsystem.unwrap_or_default();
    let is_subsystem = |wanted: Option<&u32>, own: u16| {
        wanted.is_none_or(|wanted| *wanted == ANY || *wanted == u32::from(own))
    };
    own_vendor == Ok(*vendor)
        && *device == u32::from(identity.device)
        && is_subsystem(subsystem.first(), sub_vendor)
        && is_subsystem(subsystem.get(1), sub_device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::VendorId;

    #[test]
    fn vfio_pci_id_matches_device_and_optional_subsystem() {
        let card = Identity {
            vendor: VendorId::NVIDIA,
            device: 0x1e84,
            subsystem: Some((0x1043, 0x8694)),
        };
        for (id, is_it) in [
            ("10de:1e84", true),
            ("10DE:1E84", true),
            ("10de:1e84:1043:8694", true),
            ("10de:1e84:ffffffff:ffffffff:030000:ffffff", true),
            ("10de:1e84:1043:8695", false),
            ("10de:1e85", false),
            ("1002:1e84", false),
            ("10de", false),
            ("", false),
            ("nonsense:1e84", false),
        ] {
            assert_eq!(is_named(id, &card), is_it, "{id}");
        }
    }
}
