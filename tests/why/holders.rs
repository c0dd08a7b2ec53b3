//! The guest that has the card now is named.

use std::os::unix::fs::symlink;

use crate::{Host, OTHER_UUID, hostdev};

#[test]
fn guest_that_starts_with_the_card_is_named_by_its_record() {
    let host = Host::with_guest(&hostdev("02"));
    host.prepare_ok("first", OTHER_UUID, &hostdev("02"));
    let reasons = host.why();
    let first = "now:        gpupci1 (0000:02:00): guest first has this card\n";
    assert!(reasons.starts_with(first), "{reasons}");
    assert!(reasons.contains("try: shut down guest first"), "{reasons}");
}

#[test]
fn guest_whose_qemu_has_the_group_open_is_named_once() {
    let host = Host::with_guest(&hostdev("02"));
    host.prepare_ok("first", OTHER_UUID, &hostdev("02"));
    host.kernel.guest_takes("8").expect("a viable group");
    host.process(900, "qemu-system-x86", "/dev/vfio/8");
    host.write(
        "proc/900/cmdline",
        "/usr/bin/qemu-system-x86_64\0-name\0guest=first,debug-threads=on\0",
    );
    host.write("run/libvirt/qemu/first.pid", "900");
    let reasons = host.why();
    assert!(reasons.contains("guest first has this card"), "{reasons}");
    assert_eq!(reasons.matches("now:").count(), 1, "{reasons}");
    // Without the record, the QEMU alone tells.
    std::fs::remove_dir_all(host.path("run/gpupt/cards")).expect("records");
    let reasons = host.why();
    assert!(
        reasons.contains("(pid 900, guest first) uses /dev/vfio/8"),
        "{reasons}"
    );
    assert!(reasons.contains("try: shut down guest first"), "{reasons}");
}

#[test]
fn other_card_of_the_group_names_its_guest() {
    let host = Host::with_guest(&hostdev("02"));
    // Both cards are in group 8 then.
    for function in ["0000:03:00.0", "0000:03:00.1"] {
        let link = host.path(&format!("sys/bus/pci/devices/{function}/iommu_group"));
        std::fs::remove_file(&link).expect("a link");
        symlink("../../../../kernel/iommu_groups/8", &link).expect("a link");
        let member = host.path(&format!("sys/kernel/iommu_groups/8/devices/{function}"));
        symlink(format!("../../../../bus/pci/devices/{function}"), member).expect("a link");
    }
    let both = format!("{}{}", hostdev("02"), hostdev("03"));
    host.prepare_ok("first", OTHER_UUID, &both);
    let reasons = host.why();
    assert!(reasons.contains("guest first has"), "{reasons}");
}
