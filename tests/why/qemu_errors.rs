//! The table of QEMU's errors: each row is known by a line as QEMU or the kernel prints it.

use gpupt::diagnosis::KNOWN_ERRORS;
use pretty_assertions::assert_eq;

use crate::{Host, hostdev};

/// A line, and how the meaning of its row begins.
const LINES: [(&str, &str); 28] = [
    (
        "vfio 0000:01:00.0: group 1 is not viable",
        "another device of the card's",
    ),
    (
        "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
        "another device of the card's",
    ),
    (
        "failed to setup container for group 31: Failed to set iommu for container: Operation not permitted",
        "the kernel gives the card's IOMMU group to no guest",
    ),
    (
        "vfio_iommu_type1_attach_group: No interrupt remapping support.",
        "the kernel gives the card's IOMMU group to no guest",
    ),
    (
        "failed to set iommu for container: Invalid argument",
        "the kernel did not let VFIO have",
    ),
    (
        "failed to open /dev/vfio/vfio: No such file or directory",
        "the module vfio was not loaded",
    ),
    (
        "failed to open /dev/vfio/17: Device or resource busy",
        "another process had the card's IOMMU group open",
    ),
    (
        "failed to open /dev/vfio/17: No such file or directory",
        "the card was not on vfio-pci",
    ),
    (
        "failed to open /dev/vfio/17: Permission denied",
        "QEMU may not open the card's group",
    ),
    (
        "vfio /sys/bus/pci/devices/0000:7f:00.0: no such host device: No such file or directory",
        "the device that the guest's XML names",
    ),
    (
        "vfio 0000:01:00.0: no iommu_group found: No such file",
        "the device has no IOMMU group",
    ),
    (
        "vfio 0000:01:00.0: device is already attached",
        "the guest's XML names the same device",
    ),
    (
        "error getting device from group 17: Device or resource busy",
        "the card was not on its VFIO driver",
    ),
    (
        "Verify all devices in group 17 are bound to vfio-<bus> or pci-stub and not already in use",
        "the card was not on its VFIO driver",
    ),
    (
        "vfio: No available IOMMU models",
        "the module vfio_iommu_type1",
    ),
    (
        "group 14 used in multiple address spaces",
        "the guest has a virtual IOMMU",
    ),
    (
        "vfio_dma_map(0x55, 0x0, 0xa0000, 0x7f) = -12 (Cannot allocate memory)",
        "QEMU may not lock the guest's memory",
    ),
    (
        "VFIO_MAP_DMA failed: Cannot allocate memory",
        "QEMU may not lock the guest's memory",
    ),
    (
        "vfio_dma_map(0x55, 0x0, 0xa0000, 0x7f) = -22 (Invalid argument)",
        "the IOMMU cannot map the guest's memory",
    ),
    (
        "VFIO_MAP_DMA failed: Invalid argument",
        "the IOMMU cannot map the guest's memory",
    ),
    (
        "cannot set up guest memory 'pc.ram': Cannot allocate memory",
        "this host has not enough free memory",
    ),
    ("failed to find romfile \"/nonexistent\"", "the ROM file"),
    ("romfile \"/x\" is empty", "the ROM file"),
    (
        "Failed to mmap 0000:01:00.0 BAR 1. Performance may be slow",
        "something else uses",
    ),
    (
        "vfio-pci 0000:01:00.0: BAR 0: can't reserve [mem 0xc0000000-0xcfffffff 64bit pref]",
        "something else uses",
    ),
    (
        "vfio: Unable to power on device, stuck in D3",
        "the card was powered off",
    ),
    (
        "vfio: Cannot reset device 0000:01:00.1, depends on group 17 which is not owned.",
        "the kernel could not reset the card",
    ),
    (
        "libvirtd quit during handshake: Input/output error",
        "libvirt ended the start",
    ),
];

/// What `why` says of a start that failed with this line of QEMU.
fn meaning_of(host: &Host, line: &str) -> String {
    host.qemu_failed(&format!("qemu-system-x86_64: vfio error: {line}"));
    let reasons = host.reasons();
    assert_eq!(reasons.len(), 1, "{line}: {reasons:?}");
    assert!(reasons[0]["remedy"].is_string(), "{line}");
    reasons[0]["meaning"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn each_known_error_is_told_in_plain_english() {
    let host = Host::with_guest(&hostdev("02"));
    // Else the warning that it cannot be reset explains the last line.
    host.write("sys/bus/pci/devices/0000:02:00.0/reset_method", "flr\n");
    let mut left: Vec<&str> = KNOWN_ERRORS.iter().map(|error| error.meaning).collect();
    for (line, start) in LINES {
        let meaning = meaning_of(&host, line);
        assert!(meaning.starts_with(start), "{line}: {meaning}");
        left.retain(|one| *one != meaning);
    }
    assert_eq!(left, [""; 0], "rows without a line");
}
