//! Guests that claim SR-IOV virtual functions. One with a vGPU works only with its own driver.

use std::fs;

use crate::guests::Guest;
use crate::stage::Stage;
use crate::support::TestHost;
use crate::{DEVICES, silence};
use pretty_assertions::assert_eq;

const VIRTUAL: &str = "0000:05:00.4";

/// `mixed.tree` with its first virtual function on `driver`, and with a vGPU of this type.
pub fn host(driver: &str, vgpu_type: Option<&str>) -> TestHost {
    let host = TestHost::unpacked("mixed.tree");
    let link = host.path(&format!("{DEVICES}/{VIRTUAL}/driver"));
    fs::remove_file(&link).expect("it has a driver");
    let target = host.path(&format!("sys/bus/pci/drivers/{driver}"));
    fs::create_dir_all(&target).expect("a driver");
    std::os::unix::fs::symlink(target, link).expect("a link");
    if let Some(vgpu_type) = vgpu_type {
        let file = format!("{DEVICES}/{VIRTUAL}/nvidia/current_vgpu_type");
        host.write(&file, &format!("{vgpu_type}\n"));
    }
    host
}

pub fn guest(managed: &str) -> Guest {
    Guest::with(&format!(
        "<hostdev mode='subsystem' type='pci'{managed}><source>\
         <address domain='0x0000' bus='0x05' slot='0x00' function='0x4'/></source></hostdev>"
    ))
}

#[test]
fn managed_virtual_function_with_a_vgpu_is_refused() {
    for (driver, vgpu_type, vgpu) in [
        ("nvidia", Some("1145"), "its vGPU (type 1145)"),
        ("nvidia", Some("0"), "its vGPU"),
        ("nvidia", None, "its vGPU"),
        ("nvidia_vgpu_vfio", Some("1145"), "its vGPU (type 1145)"),
    ] {
        let stage = Stage::on(host(driver, vgpu_type));
        let why = format!(
            "its XML claims the virtual function {VIRTUAL} with managed='yes': libvirt would take it from \
             {driver}, the driver that gives {vgpu} to guests. State: nothing was changed. Try: with `virsh \
             edit`, set managed='no' in the <hostdev> of {VIRTUAL}, then start the guest again."
        );
        stage.assert_refused(&guest(" managed='yes'"), &why);
    }
}

#[test]
fn other_virtual_functions_pass_untouched() {
    for (driver, vgpu_type, managed) in [
        ("nvidia", Some("1145"), " managed='no'"),
        // Without the attribute libvirt manages nothing.
        ("nvidia", Some("1145"), ""),
        ("vfio-pci", None, " managed='yes'"),
        ("vfio-pci", None, " managed='no'"),
        ("ixgbevf", None, " managed='yes'"),
    ] {
        let stage = Stage::on(host(driver, vgpu_type));
        for operation in ["prepare", "release"] {
            let said = stage.hook(&guest(managed), operation);
            assert_eq!(said, silence(), "{driver} {managed}");
        }
        assert_eq!(stage.kernel.writes(), [""; 0]);
    }
}
