//! The findings about the kernel and the IOMMU: firmware, kernel command line, groups.

use crate::readiness::{Boot, Finding, KernelCmdline, Processor, firmware};

/// The facts about kernel, CPU and IOMMU.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The kernel's release: `6.1.0-18-amd64`.
    pub release: String,
    /// The kernel command line.
    pub cmdline: KernelCmdline,
    /// The kind of the processor, if it is known.
    pub processor: Option<Processor>,
    /// Whether this host is itself a guest.
    pub is_guest: bool,
    /// The ACPI table that describes the IOMMU: `DMAR`.
    pub acpi_table: Option<String>,
    /// Whether a device tree describes the hardware, and not ACPI.
    pub has_device_tree: bool,
    /// The number of IOMMUs that the kernel uses.
    pub iommu_count: usize,
    /// The number of IOMMU groups.
    pub group_count: usize,
    /// Whether PCI functions have `driver_override`; `None` if there is no function.
    pub has_driver_override: Option<bool>,
    /// Whether this kernel turns VT-d on by itself (`CONFIG_INTEL_IOMMU_DEFAULT_ON`).
    pub is_vtd_on_by_default: bool,
    /// Whether VFIO works without an IOMMU (`enable_unsafe_noiommu_mode`).
    pub is_noiommu_enabled: bool,
}

const KERNEL: &str = "iommu-kernel";
const GROUPS: &str = "iommu-groups";
const INTEL_ON: &str = "intel_iommu=on";
const PASSTHROUGH_HINT: &str =
    "; iommu=pt would avoid address translation for the host's own devices";

pub(super) fn judge(platform: &Platform, boot: &Boot) -> Vec<Finding> {
    let mut findings = vec![
        kernel(platform),
        firmware::judge(platform),
        kernel_cmdline(platform, boot),
        groups(platform),
    ];
    findings.extend(unsafe_mode(platform));
    findings.extend(acs_override(platform, boot));
    findings
}

impl Platform {
    /// Whether the processor is an x86 one, or may be one.
    pub(super) fn is_x86(&self) -> bool {
        match self.processor {
            Some(processor) => processor.is_x86(),
            None => self.acpi_table.is_some() || !self.has_device_tree,
        }
    }

    /// The kind of the processor; the ACPI table tells it too.
    fn vendor(&self) -> Option<Processor> {
        let by_table = || match self.acpi_table.as_deref()? {
            "DMAR" => Some(Processor::Intel),
            "IVRS" => Some(Processor::Amd),
            _ => None,
        };
        self.processor.or_else(by_table)
    }

    /// The parameter on the kernel command line that turns the IOMMU off.
    fn off_parameter(&self) -> Option<&'static str> {
        let cmdline = &self.cmdline;
        let vendor = self.vendor();
        if !self.is_x86() {
            None
        } else if cmdline.parts("iommu").any(|part| part == "off") {
            Some("iommu=off")
        } else if vendor != Some(Processor::Amd) && cmdline.is_on("intel_iommu") == Some(false) {
            Some("intel_iommu=off")
        } else if vendor != Some(Processor::Intel) && cmdline.is_on("amd_iommu") == Some(false) {
            Some("amd_iommu=off")
        } else {
            None
        }
    }

    /// What to say of a parameter for another processor, which people add "for the card".
    fn idle_parameter(&self) -> &'static str {
        let is_given = |key| self.cmdline.values(key).next().is_some();
        match self.vendor() {
            Some(Processor::Intel) if is_given("amd_iommu") => {
                "; amd_iommu= has no effect on an Intel processor, whoever made the card"
            }
            Some(Processor::Amd) if is_given("intel_iommu") => {
                "; intel_iommu= has no effect on an AMD processor"
            }
            _ if !self.is_x86() && (is_given("intel_iommu") || is_given("amd_iommu")) => {
                "; intel_iommu= and amd_iommu= have no effect on this processor"
            }
            _ => "",
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

fn kernel_cmdline(platform: &Platform, boot: &Boot) -> Finding {
    let idle = platform.idle_parameter();
    let is_set_on = platform.is_x86() && platform.cmdline.is_on("intel_iommu") == Some(true);
    if platform.group_count > 0 {
        return Finding::pass(KERNEL, format!("{}{idle}", used(platform)));
    }
    if let Some(parameter) = platform.off_parameter() {
        return turned_off(parameter, boot);
    }
    match platform.vendor() {
        Some(Processor::Intel) if !is_set_on && !platform.is_vtd_on_by_default => {
            intel_iommu_missing(idle, boot)
        }
        None if is_set_on => Finding::pass(KERNEL, "intel_iommu=on is on the kernel command line"),
        None if platform.is_x86() => Finding::warn(
            KERNEL,
            "cannot tell Intel from AMD, so cannot tell whether intel_iommu=on is needed",
            format!(
                "on Intel, {}; on AMD, nothing is needed",
                boot.with(INTEL_ON)
            ),
        ),
        _ => Finding::pass(
            KERNEL,
            format!("nothing on the kernel command line turns the IOMMU off{idle}"),
        ),
    }
}

fn used(platform: &Platform) -> String {
    let is_intel = platform.vendor() != Some(Processor::Amd) && platform.is_x86();
    let is_set_on = is_intel && platform.cmdline.is_on("intel_iommu") == Some(true);
    let how = if is_set_on { " (intel_iommu=on)" } else { "" };
    let hint = match platform.is_x86() && !platform.is_passthrough() {
        true => PASSTHROUGH_HINT,
        false => "",
    };
    format!("the kernel uses the IOMMU{how}{hint}")
}

fn turned_off(parameter: &str, boot: &Boot) -> Finding {
    let text = format!("{parameter} on the kernel command line turns the IOMMU off");
    let text = match boot.removed_from(parameter) {
        Some(file) => format!("{text}; {file} is without it, but is not applied yet"),
        None => text,
    };
    Finding::fail(KERNEL, text, boot.without(parameter))
}

fn intel_iommu_missing(idle: &str, boot: &Boot) -> Finding {
    let text = match boot.set_in(INTEL_ON) {
        Some(file) => format!(
            "{INTEL_ON} is set in {file}, but is not on the running kernel command line: it is not \
             applied yet"
        ),
        None => format!(
            "{INTEL_ON} is not on the kernel command line, and this kernel leaves VT-d off without it"
        ),
    };
    Finding::fail(KERNEL, format!("{text}{idle}"), boot.with(INTEL_ON))
}

fn groups(platform: &Platform) -> Finding {
    match platform.group_count {
        0 => Finding::fail(
            GROUPS,
            "there are no IOMMU groups: the IOMMU is off or missing, so no guest can use a card",
            no_groups(platform),
        ),
        1 => Finding::pass(GROUPS, "there is 1 IOMMU group"),
        count => Finding::pass(GROUPS, format!("there are {count} IOMMU groups")),
    }
}

fn no_groups(platform: &Platform) -> String {
    let words = match platform.processor {
        Some(Processor::Arm) => "-i -e SMMU -e IOMMU",
        _ if platform.is_x86() => "-e DMAR -e AMD-Vi -e IOMMU",
        _ => "-i IOMMU",
    };
    format!(
        "fix the firmware and kernel-line failures above; if they pass, look for the reason in \
         `dmesg | grep {words}`"
    )
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
