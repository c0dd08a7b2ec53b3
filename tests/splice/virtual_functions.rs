//! Virtual functions in a guest's XML: one with a vGPU gets `managed='no'` on the host of the guest.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::TestHost;

const VIRTUAL: &str = "sys/bus/pci/devices/0000:05:00.4";

/// `mixed.tree`, whose first virtual function is on this driver and belongs to the guest `vgpu`.
fn host(driver: &str) -> TestHost {
    let host = TestHost::unpacked("mixed.tree");
    let link = host.path(&format!("{VIRTUAL}/driver"));
    fs::remove_file(&link).expect("it has a driver");
    symlink(format!("../../../bus/pci/drivers/{driver}"), link).expect("a link");
    for line in [
        "-q host add mixed gpupci1 05:00.0",
        "-q host add vgpu gpupci 05:00.4",
    ] {
        assert_eq!(host.line(line).code, Some(0), "{line}");
    }
    host
}

fn spliced(host: &TestHost) -> String {
    let said = host.gpupci_reading(&["splice", "vgpu"], b"<devices/>");
    let text = said.answer();
    assert!(text.contains("function='0x4'"), "{text}");
    text
}

#[test]
fn only_a_virtual_function_with_a_vgpu_is_unmanaged() {
    assert!(spliced(&host("nvidia")).contains("managed='no'"));
    assert!(spliced(&host("vfio-pci")).contains("managed='yes'"));
}

#[test]
fn devices_of_other_hosts_are_not_looked_up_on_this_one() {
    let host = host("nvidia");
    for line in [
        "-q host add elsewhere gpupci1 05:00.0",
        "host place vgpu elsewhere",
    ] {
        assert_eq!(host.line(line).code, Some(0), "{line}");
    }
    assert!(spliced(&host).contains("managed='yes'"));
}
