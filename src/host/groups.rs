//! IOMMU groups: their members, and what the firmware keeps of them.

use std::io;

use crate::binding::Stub;
use crate::host::{Machine, SysfsError};
use crate::paths::IOMMU_GROUPS;
use crate::pci::{IommuGroup, PciAddress};

/// sysfs gives a page; a machine has a dozen regions at most.
const REGIONS_BYTES_MAX: u64 = 64 << 10;

impl Machine {
    /// The IOMMU groups of this machine, in order; none if the IOMMU is off.
    pub fn iommu_groups(&self) -> Vec<IommuGroup> {
        let names = self.children(IOMMU_GROUPS);
        let mut groups: Vec<IommuGroup> = names.iter().filter_map(|n| n.parse().ok()).collect();
        groups.sort();
        groups
    }

    /// The functions in a group, by address.
    pub fn group_members(&self, group: IommuGroup) -> Vec<PciAddress> {
        let names = self.children(&format!("{IOMMU_GROUPS}/{group}/devices"));
        let mut members: Vec<PciAddress> = names.iter().filter_map(|n| n.parse().ok()).collect();
        members.sort();
        members
    }

    /// Whether `function` is bound to a VFIO driver and has a node that a guest can open. One that cannot be
    /// read counts.
    pub fn has_vfio_node(&self, function: PciAddress) -> bool {
        let is_vfio = || match self.binding(function, &Stub::Auto) {
            Ok(now) => now.is_vfio,
            Err(error) => !error.is_gone(),
        };
        !self.vfio_nodes(function).is_empty() && is_vfio()
    }

    /// Whether nobody has switched `function` on. VFIO does so for whoever opens it, so nobody has it open.
    pub fn is_switched_off(&self, function: PciAddress) -> bool {
        self.sysfs_attribute(function, "enable").as_deref() == Some("0")
    }

    /// The regions of memory that the firmware wants mapped one to one for a device of the group:
    /// `0xe8000-0xe8fff`. None before Linux 4.11, which does not list them.
    ///
    /// # Errors
    /// If there is a list and it cannot be read.
    pub fn direct_regions(&self, group: IommuGroup) -> Result<Vec<String>, SysfsError> {
        let path = format!("{IOMMU_GROUPS}/{group}/reserved_regions");
        match self.read_limited(&path, REGIONS_BYTES_MAX) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                Ok(text.lines().filter_map(direct_region).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(SysfsError::Read {
                path: self.path(path),
                source,
            }),
        }
    }
}

/// The range of a line `0x00000000000e8000 0x00000000000e8fff direct`. Regions of another type, such as
/// `direct-relaxable` and `msi`, do not matter to a guest.
fn direct_region(line: &str) -> Option<String> {
    let range = line.trim_end().strip_suffix(" direct")?;
    let short = |word: &str| {
        let digits = word.strip_prefix("0x");
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.map_or_else(|| word.to_owned(), |number| format!("{number:#x}"))
    };
    let ends: Vec<String> = range.split_ascii_whitespace().map(short).collect();
    Some(ends.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn only_lines_that_end_in_direct_are_direct_regions() {
        for (line, region) in [
            (
                "0x00000000000e8000 0x00000000000e8fff direct",
                Some("0xe8000-0xe8fff"),
            ),
            (
                "0x0000000000000000 0x0000000000000fff direct",
                Some("0x0-0xfff"),
            ),
            (
                "0x00000000bddde000 0x00000000bdddefff direct-relaxable",
                None,
            ),
            ("0x00000000fee00000 0x00000000feefffff msi", None),
            ("0x00000000fee00000 0x00000000feefffff reserved", None),
            ("direct", None),
            ("", None),
            ("what is this direct", Some("what-is-this")),
        ] {
            assert_eq!(direct_region(line).as_deref(), region, "{line}");
        }
    }
}
