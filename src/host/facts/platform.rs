//! Facts of kernel, processor, IOMMU and distribution.

use crate::host::Machine;
use crate::paths::{ACPI_TABLES, DEVICE_TREES, IOMMUS};
use crate::pci::VendorId;
use crate::readiness::{
    Chipset, Distribution, FunctionFacts, InterruptFacts, KernelCmdline, Platform, Processor,
    RemappingUnit,
};

/// The files of Proxmox: its program, the folder of its cluster, and its list of EFI partitions.
const PROXMOX: [&str; 3] = [
    "/usr/bin/pveversion",
    "/etc/pve",
    "/etc/kernel/proxmox-boot-uuids",
];
/// A kernel line has 4 KiB at most on x86, a processor's part of `/proc/cpuinfo` about 2.
const LINE_BYTES: u64 = 64 << 10;
/// A kernel's configuration has about 300 KiB.
const CONFIG_BYTES: u64 = 4 << 20;

impl Machine {
    /// The facts of kernel, processor and IOMMU.
    pub fn platform(&self, functions: &[FunctionFacts]) -> Platform {
        let release = self.release();
        let processor = self.read_start_as_text("/proc/cpuinfo", LINE_BYTES);
        let tables = self.children(ACPI_TABLES);
        let iommu_tables = ["DMAR", "IVRS"].into_iter();
        let mut iommu_tables = iommu_tables.filter(|name| tables.iter().any(|table| table == name));
        let overrides = functions.iter().map(|f| self.has_override(f.address));
        Platform {
            cmdline: self.kernel_cmdline(),
            processor: kind_of(&processor),
            is_guest: is_virtual(&processor) || self.is_made_by_qemu(),
            has_device_tree: tables.is_empty() && DEVICE_TREES.iter().any(|path| self.exists(path)),
            iommu_count: self.children(IOMMUS).len(),
            acpi_table: iommu_tables.next().map(str::to_owned),
            group_count: self.iommu_groups().len(),
            has_driver_override: overrides.reduce(|any, one| any || one),
            is_vtd_on_by_default: self.is_vtd_on_by_default(&release),
            is_noiommu_enabled: self.is_parameter_on("vfio", "enable_unsafe_noiommu_mode"),
            release,
        }
    }

    /// The command line of the running kernel.
    pub(super) fn kernel_cmdline(&self) -> KernelCmdline {
        KernelCmdline::new(&self.read_start_as_text("/proc/cmdline", LINE_BYTES))
    }

    /// The facts of interrupt remapping.
    pub fn interrupt_facts(&self, functions: &[FunctionFacts]) -> InterruptFacts {
        let units = self.children(IOMMUS).into_iter().map(|name| {
            let path = format!("{IOMMUS}/{name}/intel-iommu/ecap");
            let text = self.read_start_as_text(&path, 64);
            RemappingUnit {
                capabilities: u64::from_str_radix(text.trim(), 16).ok(),
                name,
            }
        });
        InterruptFacts {
            units: units.collect(),
            chipsets: functions.iter().filter_map(|f| self.chipset(f)).collect(),
            are_unsafe_allowed: self.is_parameter_on("vfio_iommu_type1", "allow_unsafe_interrupts"),
        }
    }

    /// The chipset whose host bridge this is: Intel's have it on bus 0 of domain 0.
    fn chipset(&self, function: &FunctionFacts) -> Option<Chipset> {
        let identity = function
            .identity
            .filter(|ids| ids.vendor == VendorId::INTEL)?;
        let class = self.class(function.address).ok().flatten()?;
        let revision = self.sysfs_attribute(function.address, "revision")?;
        let revision = u8::from_str_radix(revision.strip_prefix("0x")?, 16).ok()?;
        let on_first_bus = function.address.to_string().starts_with("0000:00:");
        (class.is_host_bridge() && on_first_bus).then_some(Chipset {
            device: identity.device,
            revision,
        })
    }

    /// The distribution of this machine.
    pub fn distribution(&self) -> Distribution {
        let files = ["/etc/os-release", "/usr/lib/os-release"].into_iter();
        let mut texts = files.map(|file| self.read_start_as_text(file, LINE_BYTES));
        let text = texts.find(|text| !text.is_empty()).unwrap_or_default();
        Distribution::of(&text).or_proxmox(PROXMOX.iter().any(|path| self.exists(path)))
    }

    /// Whether QEMU made this machine: Arm's processors do not tell.
    fn is_made_by_qemu(&self) -> bool {
        self.read_start_as_text("/sys/class/dmi/id/sys_vendor", 64)
            .trim()
            == "QEMU"
    }

    fn is_vtd_on_by_default(&self, release: &str) -> bool {
        // The release is part of a file name and must not lead to another folder.
        if release.is_empty() || release.contains('/') {
            return false;
        }
        let files = [
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
        ];
        files.iter().any(|file| {
            let text = self.read_start_as_text(file, CONFIG_BYTES);
            let mut lines = text.lines();
            lines.any(|line| line == "CONFIG_INTEL_IOMMU_DEFAULT_ON=y")
        })
    }
}

/// The value of this field of `/proc/cpuinfo` for the first processor.
fn cpuinfo_field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut facts = text.lines().filter_map(|line| line.split_once(':'));
    let found = facts.find(|(key, _)| key.trim() == name);
    found.map(|(_, value)| value.trim())
}

/// x86 has the field `vendor_id`, and so has s390; Arm and RISC-V have others (`arch/*/kernel/cpu*` of Linux).
fn kind_of(cpuinfo: &str) -> Option<Processor> {
    let has = |name| cpuinfo_field(cpuinfo, name).is_some();
    match cpuinfo_field(cpuinfo, "vendor_id") {
        Some("GenuineIntel") => Some(Processor::Intel),
        Some("AuthenticAMD" | "HygonGenuine") => Some(Processor::Amd),
        Some("IBM/S390") => Some(Processor::Other),
        Some(_) => Some(Processor::OtherX86),
        None if has("CPU implementer") => Some(Processor::Arm),
        None if has("isa") || has("platform") || has("cpu") => Some(Processor::Other),
        None => None,
    }
}

fn is_virtual(cpuinfo: &str) -> bool {
    let flags = cpuinfo_field(cpuinfo, "flags").unwrap_or_default();
    flags
        .split_ascii_whitespace()
        .any(|flag| flag == "hypervisor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn processor_vendor_is_read_from_cpuinfo() {
        let intel = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n\n";
        assert_eq!(kind_of(intel), Some(Processor::Intel));
        assert!(is_virtual(intel));
        let amd = "vendor_id\t: AuthenticAMD\nflags\t: fpu no_hypervisor\n";
        assert_eq!(kind_of(amd), Some(Processor::Amd));
        assert!(!is_virtual(amd));
        for (text, kind) in [
            (
                "processor\t: 0\nCPU implementer\t: 0x41\n",
                Some(Processor::Arm),
            ),
            ("hart\t: 0\nisa\t: rv64imafdc\n", Some(Processor::Other)),
            ("cpu\t\t: POWER9\n", Some(Processor::Other)),
            ("vendor_id       : IBM/S390\n", Some(Processor::Other)),
            ("vendor_id\t: CentaurHauls\n", Some(Processor::OtherX86)),
        ] {
            assert_eq!(kind_of(text), kind, "{text}");
        }
        assert_eq!(kind_of("processor : 0\n"), None);
    }
}
