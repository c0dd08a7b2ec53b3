use pretty_assertions::assert_eq;

use super::*;
use crate::readiness::Verdict;

fn platform(line: &str, vendor: Option<Processor>, table: Option<&str>) -> Platform {
    Platform {
        release: "6.1.0".to_owned(),
        cmdline: KernelCmdline::new(line),
        processor: vendor,
        is_guest: false,
        acpi_table: table.map(str::to_owned),
        has_device_tree: false,
        iommu_count: 0,
        group_count: 0,
        has_driver_override: Some(true),
        is_vtd_on_by_default: false,
        is_noiommu_enabled: false,
    }
}

fn found(platform: &Platform, topic: &str) -> Finding {
    let findings = judge(platform, &Boot::default());
    let finding = findings.into_iter().find(|finding| finding.topic == topic);
    finding.expect(topic)
}

#[test]
fn kernel_line_is_checked_by_processor_if_there_are_no_groups() {
    use Processor::{Amd, Arm, Intel};
    use Verdict::{Fail, Pass, Warn};
    for (line, vendor, table, verdict) in [
        ("ro", Some(Intel), Some("DMAR"), Fail),
        ("ro", None, Some("DMAR"), Fail),
        ("intel_iommu=on", Some(Intel), Some("DMAR"), Pass),
        ("intel_iommu=on", Some(Intel), None, Pass),
        (
            "intel_iommu=on,sm_on iommu=off",
            Some(Intel),
            Some("DMAR"),
            Fail,
        ),
        ("ro", Some(Amd), Some("IVRS"), Pass),
        ("intel_iommu=off", Some(Amd), Some("IVRS"), Pass),
        ("amd_iommu=off", Some(Amd), Some("IVRS"), Fail),
        (
            "amd_iommu=off intel_iommu=on",
            Some(Intel),
            Some("DMAR"),
            Pass,
        ),
        ("ro", Some(Arm), None, Pass),
        ("iommu=off intel_iommu=off", Some(Arm), None, Pass),
        ("ro", None, None, Warn),
        ("intel_iommu=on", None, None, Pass),
    ] {
        let finding = found(&platform(line, vendor, table), KERNEL);
        assert_eq!(finding.verdict, verdict, "{line} {vendor:?} {table:?}");
    }
}

#[test]
fn host_with_groups_passes_without_kernel_parameter() {
    let mut platform = platform("ro", Some(Processor::Intel), None);
    platform.group_count = 12;
    let all = judge(&platform, &Boot::default());
    assert!(all.iter().all(|finding| finding.verdict == Verdict::Pass));
    assert!(all[2].text.contains("iommu=pt"), "{}", all[2].text);
    platform.cmdline = KernelCmdline::new("intel_iommu=on iommu=pt");
    assert!(!found(&platform, KERNEL).text.contains("iommu=pt"));
}

#[test]
fn kernel_with_vt_d_on_by_default_needs_no_parameter() {
    let mut platform = platform("ro", Some(Processor::Intel), Some("DMAR"));
    platform.is_vtd_on_by_default = true;
    assert_eq!(found(&platform, KERNEL).verdict, Verdict::Pass);
    assert_eq!(found(&platform, GROUPS).verdict, Verdict::Fail);
}

#[test]
fn firmware_setting_has_the_name_of_the_processor_vendor() {
    for (vendor, words) in [
        (Some(Processor::Intel), "VT-d (\"Intel"),
        (Some(Processor::Amd), "AMD-Vi"),
        (None, "VT-d, AMD-Vi"),
    ] {
        let remedy = found(&platform("ro", vendor, None), "iommu-firmware").remedy;
        assert!(remedy.unwrap_or_default().contains(words), "{words}");
    }
    let mut guest = platform("ro", Some(Processor::Intel), None);
    guest.is_guest = true;
    let remedy = found(&guest, "iommu-firmware").remedy.unwrap_or_default();
    assert!(remedy.contains("<iommu model='intel'>"), "{remedy}");
}

#[test]
fn acs_override_and_noiommu_mode_are_warnings() {
    let mut platform = platform("pcie_acs_override=downstream", None, Some("IVRS"));
    platform.is_noiommu_enabled = true;
    for topic in ["vfio-unsafe", "acs-override"] {
        assert_eq!(found(&platform, topic).verdict, Verdict::Warn);
    }
}

#[test]
fn kernel_without_driver_override_is_a_failure() {
    let mut platform = platform("ro", None, None);
    platform.release = "3.10.0".to_owned();
    platform.has_driver_override = Some(false);
    let finding = found(&platform, "kernel");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(
        finding
            .text
            .starts_with("Linux 3.10.0 has no driver_override")
    );
}
