use pretty_assertions::assert_eq;

use super::*;
use crate::readiness::{Loader, Verdict};

fn platform(line: &str, processor: Option<Processor>, table: Option<&str>) -> Platform {
    Platform {
        release: "6.1.0".to_owned(),
        line: KernelLine::new(line),
        processor,
        is_guest: false,
        table: table.map(str::to_owned),
        groups: 0,
        has_override: Some(true),
        is_on_by_default: false,
        is_unsafe: false,
    }
}

fn found(platform: &Platform, topic: &str) -> Finding {
    let debian = Distribution::of("ID=debian", Loader::Grub, false);
    let findings = judge(platform, &debian);
    let finding = findings.into_iter().find(|finding| finding.topic == topic);
    finding.expect(topic)
}

#[test]
fn kernel_line_is_checked_by_processor_if_there_are_no_groups() {
    use Processor::{Amd, Intel, Other};
    use Verdict::{Fail, Pass, Warn};
    for (line, processor, table, verdict) in [
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
        ("ro", Some(Other), Some("IORT"), Pass),
        ("ro", None, None, Warn),
        ("intel_iommu=on", None, None, Pass),
    ] {
        let finding = found(&platform(line, processor, table), KERNEL);
        assert_eq!(finding.verdict, verdict, "{line} {processor:?} {table:?}");
    }
}

#[test]
fn host_with_groups_passes_without_kernel_parameter() {
    let mut platform = platform("ro", Some(Processor::Intel), None);
    platform.groups = 12;
    let all = judge(&platform, &Distribution::of("", Loader::Grub, false));
    assert!(all.iter().all(|finding| finding.verdict == Verdict::Pass));
    assert!(all[2].text.contains("iommu=pt"), "{}", all[2].text);
    platform.line = KernelLine::new("intel_iommu=on iommu=pt");
    assert!(!found(&platform, KERNEL).text.contains("iommu=pt"));
}

#[test]
fn kernel_with_vt_d_on_by_default_needs_no_parameter() {
    let mut platform = platform("ro", Some(Processor::Intel), Some("DMAR"));
    platform.is_on_by_default = true;
    assert_eq!(found(&platform, KERNEL).verdict, Verdict::Pass);
    assert_eq!(found(&platform, GROUPS).verdict, Verdict::Fail);
}

#[test]
fn firmware_setting_has_the_name_of_the_processor_vendor() {
    for (processor, words) in [
        (Some(Processor::Intel), "VT-d (\"Intel"),
        (Some(Processor::Amd), "AMD-Vi"),
        (None, "VT-d, AMD-Vi"),
    ] {
        let remedy = found(&platform("ro", processor, None), FIRMWARE).remedy;
        assert!(remedy.unwrap_or_default().contains(words), "{words}");
    }
    let mut guest = platform("ro", Some(Processor::Intel), None);
    guest.is_guest = true;
    let remedy = found(&guest, FIRMWARE).remedy.unwrap_or_default();
    assert!(remedy.contains("<iommu model='intel'>"), "{remedy}");
}

#[test]
fn acs_override_and_noiommu_mode_are_warnings() {
    let mut platform = platform("pcie_acs_override=downstream", None, Some("IVRS"));
    platform.is_unsafe = true;
    for topic in ["vfio-unsafe", "acs-override"] {
        assert_eq!(found(&platform, topic).verdict, Verdict::Warn);
    }
}

#[test]
fn kernel_without_driver_override_is_a_failure() {
    let mut platform = platform("ro", None, None);
    platform.release = "3.10.0".to_owned();
    platform.has_override = Some(false);
    let finding = found(&platform, "kernel");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(
        finding
            .text
            .starts_with("Linux 3.10.0 has no driver_override")
    );
}
