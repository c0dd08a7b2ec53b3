//! The findings about the kernel and the IOMMU: firmware, kernel command line, groups.

use crate::readiness::{Boot, Finding, KernelCmdline};

/// The vendor of the CPU, which decides how the IOMMU is turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuVendor {
    /// Intel: VT-d, which many kernels leave off by default.
    Intel,
    /// AMD and Hygon: AMD-Vi, which kernels turn on by default.
    Amd,
    /// Any other vendor.
    Other,
}

/// The facts about kernel, CPU and IOMMU.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The kernel's release: `6.1.0-18-amd64`.
    pub release: String,
    /// The kernel command line.
    pub cmdline: KernelCmdline,
    /// The vendor of the CPU, if it is known.
    pub cpu_vendor: Option<CpuVendor>,
    /// Whether this host is itself a guest.
    pub is_guest: bool,
    /// The ACPI table that describes the IOMMU: `DMAR`.
    pub acpi_table: Option<String>,
    /// The number of IOMMU groups.
    pub group_count: usize,
    /// Whether PCI functions have `driver_override`; `None` if there is no function.
    pub has_driver_override: Option<bool>,
    /// Whether this kernel turns VT-d on by itself (`CONFIG_INTEL_IOMMU_DEFAULT_ON`).
    pub is_vtd_on_by_default: bool,
    /// Whether VFIO works without an IOMMU (`enable_unsafe_noiommu_mode`).
    pub is_noiommu_enabled: bool,
}

const FIRMWARE: &str = "iommu-firmware";
const KERNEL: &str = "iommu-kernel";
const GROUPS: &str = "iommu-groups";
const INTEL_ON: &str = "intel_iommu=on";
const PASSTHROUGH_HINT: &str =
    "; iommu=pt would avoid address translation for the host's own devices";

pub(super) fn judge(platform: &Platform, boot: &Boot) -> Vec<Finding> {
    let mut findings = vec![
        kernel(platform),
        firmware(platform),
        kernel_cmdline(platform, boot),
        groups(platform),
    ];
    findings.extend(unsafe_mode(platform));
    findings.extend(acs_override(platform, boot));
    findings
}

impl Platform {
    /// The vendor of the CPU; the ACPI table tells it too.
    fn vendor(&self) -> Option<CpuVendor> {
        let by_table = || match self.acpi_table.as_deref()? {
            "DMAR" => Some(CpuVendor::Intel),
            "IVRS" => Some(CpuVendor::Amd),
            _ => None,
        };
        self.cpu_vendor.or_else(by_table)
    }

    /// The parameter on the kernel command line that turns the IOMMU off.
    fn off_parameter(&self) -> Option<&'static str> {
        let cmdline = &self.cmdline;
        let vendor = self.vendor();
        if cmdline.parts("iommu").any(|part| part == "off") {
            Some("iommu=off")
        } else if vendor != Some(CpuVendor::Amd) && cmdline.is_on("intel_iommu") == Some(false) {
            Some("intel_iommu=off")
        } else if vendor != Some(CpuVendor::Intel) && cmdline.is_on("amd_iommu") == Some(false) {
            Some("amd_iommu=off")
        } else {
            None
        }
    }

    fn is_passthrough(&self) -> bool {
        let is_pt = self.cmdline.parts("iommu").any(|part| part == "pt");
        is_pt || self.cmdline.values("iommu.passthrough").next_back() == Some("1")
    }
}

/// Linux has `driver_override` since 3.16, CentOS since 7.2.
fn kernel(platform: &Platform) -> Finding {
    const TOPIC: &str = "kernel";
    let name = match platform.release.as_str() {
        "" => "this kernel".to_owned(),
        release => format!("Linux {release}"),
    };
    match platform.has_driver_override {
        Some(true) => Finding::pass(TOPIC, format!("{name} supports driver_override")),
        None => Finding::warn(
            TOPIC,
            format!("found no PCI device, so cannot tell whether {name} supports driver_override"),
            "check that /sys is mounted and that this host has a PCI bus",
        ),
        Some(false) => Finding::fail(
            TOPIC,
            format!(
                "{name} has no driver_override, so two cards of the same model cannot have \
                 different drivers"
            ),
            "boot Linux 3.16 or later, or a kernel of CentOS 7.2 or later",
        ),
    }
}

fn firmware(platform: &Platform) -> Finding {
    if let Some(table) = &platform.acpi_table {
        let text = format!("the firmware reports an IOMMU (ACPI table {table})");
        return Finding::pass(FIRMWARE, text);
    }
    if platform.group_count > 0 {
        return Finding::pass(FIRMWARE, "the kernel found an IOMMU");
    }
    let remedy = match platform.cpu_vendor {
        _ if platform.is_guest => {
            "this host is itself a guest: add a virtual IOMMU to its domain XML, for example \
             <iommu model='intel'>"
        }
        Some(CpuVendor::Intel) => {
            "enable VT-d (\"Intel Virtualization Technology for Directed I/O\") in the firmware \
             setup, then reboot"
        }
        Some(CpuVendor::Amd) => "enable IOMMU (\"AMD-Vi\") in the firmware setup, then reboot",
        Some(CpuVendor::Other) | None => {
            "enable the IOMMU (VT-d, AMD-Vi) in the firmware setup, then reboot"
        }
    };
    let text = "the firmware reports no IOMMU (no ACPI table DMAR, IVRS or IORT)";
    Finding::fail(FIRMWARE, text, remedy)
}

fn kernel_cmdline(platform: &Platform, boot: &Boot) -> Finding {
    let hint = if platform.is_passthrough() {
        ""
    } else {
        PASSTHROUGH_HINT
    };
    let is_set_on = platform.cmdline.is_on("intel_iommu") == Some(true);
    if platform.group_count > 0 {
        let how = if is_set_on { " (intel_iommu=on)" } else { "" };
        return Finding::pass(KERNEL, format!("the kernel uses the IOMMU{how}{hint}"));
    }
    if let Some(parameter) = platform.off_parameter() {
        return turned_off(parameter, boot);
    }
    match platform.vendor() {
        Some(CpuVendor::Intel) if !is_set_on && !platform.is_vtd_on_by_default => {
            intel_iommu_missing(boot)
        }
        Some(_) => Finding::pass(
            KERNEL,
            "nothing on the kernel command line turns the IOMMU off",
        ),
        None if is_set_on => Finding::pass(KERNEL, "intel_iommu=on is on the kernel command line"),
        None => Finding::warn(
            KERNEL,
            "cannot tell Intel from AMD, so cannot tell whether intel_iommu=on is needed",
            format!(
                "on Intel, {}; on AMD, nothing is needed",
                boot.with(INTEL_ON)
            ),
        ),
    }
}

fn turned_off(parameter: &str, boot: &Boot) -> Finding {
    let text = format!("{parameter} on the kernel command line turns the IOMMU off");
    let text = match boot.removed_from(parameter) {
        Some(file) => format!("{text}; {file} is without it, but is not applied yet"),
        None => text,
    };
    Finding::fail(KERNEL, text, boot.without(parameter))
}

fn intel_iommu_missing(boot: &Boot) -> Finding {
    let text = match boot.set_in(INTEL_ON) {
        Some(file) => format!(
            "{INTEL_ON} is set in {file}, but is not on the running kernel command line: it is not \
             applied yet"
        ),
        None => format!(
            "{INTEL_ON} is not on the kernel command line, and this kernel leaves VT-d off without it"
        ),
    };
    Finding::fail(KERNEL, text, boot.with(INTEL_ON))
}

fn groups(platform: &Platform) -> Finding {
    match platform.group_count {
        0 => Finding::fail(
            GROUPS,
            "there are no IOMMU groups: the IOMMU is off, so no guest can use a card",
            "fix the firmware and kernel-line failures above; if they pass, look for the reason in \
             `dmesg | grep -e DMAR -e AMD-Vi -e IOMMU`",
        ),
        1 => Finding::pass(GROUPS, "there is 1 IOMMU group"),
        count => Finding::pass(GROUPS, format!("there are {count} IOMMU groups")),
    }
}

fn unsafe_mode(platform: &Platform) -> Option<Finding> {
    platform.is_noiommu_enabled.then(|| {
        Finding::warn(
            "vfio-unsafe",
            "VFIO works without an IOMMU (enable_unsafe_noiommu_mode): a guest can read and write \
             all of the host's memory",
            "echo 0 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
        )
    })
}

fn acs_override(platform: &Platform, boot: &Boot) -> Option<Finding> {
    let value = platform.cmdline.values("pcie_acs_override").next()?;
    Some(Finding::warn(
        "acs-override",
        "pcie_acs_override is on the kernel command line: the IOMMU groups are smaller than what \
         the hardware isolates, so a guest may reach devices outside its group",
        format!(
            "move cards to slots whose groups are small without it; {}",
            boot.without(&format!("pcie_acs_override={value}"))
        ),
    ))
}

#[cfg(test)]
mod tests;
