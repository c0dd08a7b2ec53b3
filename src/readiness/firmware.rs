//! The finding about the firmware: whether it describes an IOMMU, and what to do if it does not.

use crate::readiness::{Finding, Platform, Processor};

const TOPIC: &str = "iommu-firmware";

pub(super) fn judge(platform: &Platform) -> Finding {
    if let Some(table) = &platform.acpi_table {
        let text = format!("the firmware reports an IOMMU (ACPI table {table})");
        return Finding::pass(TOPIC, text);
    }
    if platform.group_count > 0 || platform.iommu_count > 0 {
        return Finding::pass(TOPIC, "the kernel found an IOMMU");
    }
    if platform.is_guest {
        return Finding::fail(TOPIC, missing(platform), virtual_iommu(platform));
    }
    match platform.is_x86() {
        true => Finding::fail(TOPIC, missing(platform), setting(platform)),
        false if platform.has_device_tree => board(),
        false => Finding::fail(TOPIC, missing(platform), setting(platform)),
    }
}

fn missing(platform: &Platform) -> &'static str {
    match platform.processor {
        // The table IORT is no evidence: servers without an SMMU have it too, for their interrupts.
        Some(Processor::Arm) => "the kernel found no IOMMU (on Arm: SMMU)",
        Some(Processor::Other) => "the kernel found no IOMMU",
        _ => "the firmware reports no IOMMU (no ACPI table DMAR or IVRS)",
    }
}

/// A board whose device tree describes its hardware: nobody can switch on what is not there.
fn board() -> Finding {
    Finding::fail(
        TOPIC,
        "the device tree of this board describes no IOMMU that the kernel uses, so this board cannot \
         give a PCI card to a guest",
        "this cannot be switched on: use a machine with an IOMMU for its PCI slots; if the vendor says \
         that this board has one, install the vendor's firmware and kernel",
    )
}

fn virtual_iommu(platform: &Platform) -> &'static str {
    match platform.processor {
        Some(Processor::Arm) => {
            "this host is itself a guest: add a virtual IOMMU to its domain XML, for example \
             <iommu model='smmuv3'/>"
        }
        _ => {
            "this host is itself a guest: add a virtual IOMMU to its domain XML, for example \
             <iommu model='intel'>"
        }
    }
}

fn setting(platform: &Platform) -> &'static str {
    match platform.processor {
        Some(Processor::Intel) => {
            "enable VT-d (\"Intel Virtualization Technology for Directed I/O\") in the firmware \
             setup, then reboot"
        }
        Some(Processor::Amd) => "enable IOMMU (\"AMD-Vi\") in the firmware setup, then reboot",
        Some(Processor::Arm) => {
            "enable the SMMU in the firmware setup, then reboot; the kernel command line needs no \
             parameter"
        }
        Some(Processor::Other) => {
            "look in the manual of this machine for its IOMMU, and for a setting that enables it"
        }
        Some(Processor::OtherX86) | None => {
            "enable the IOMMU (VT-d, AMD-Vi) in the firmware setup, then reboot"
        }
    }
}
