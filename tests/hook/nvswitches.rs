//! Guests that claim NVSwitches. libvirt takes them from the host; the fabric manager must not use them then.

use std::fs;
use std::os::unix::fs::symlink;

use crate::DEVICES;
use crate::guests::{Guest, hostdev};
use crate::host_tree::add_function;
use crate::stage::Stage;
use crate::support::TestHost;

const SWITCH: &str = "0000:19:00.0";

/// `manual.tree` with an NVSwitch on `driver`.
pub fn stage(driver: &str) -> Stage {
    let host = TestHost::unpacked("manual.tree");
    add_function(&host, SWITCH, "0x10de", "0x068000");
    let folder = host.path(&format!("sys/bus/pci/drivers/{driver}"));
    fs::create_dir_all(&folder).expect("a driver");
    symlink(folder, host.path(&format!("{DEVICES}/{SWITCH}/driver"))).expect("a link");
    for node in ["nvidia-nvswitch0", "nvidia-nvswitchctl"] {
        host.write(&format!("dev/{node}"), "");
    }
    Stage::on(host)
}

/// A guest with the switch, and with a card.
pub fn guest(managed: &str) -> Guest {
    let switch = hostdev("19", 0).replace("managed='yes'", managed);
    Guest::with(&(switch + &hostdev("02", 0)))
}

#[test]
fn switch_that_the_fabric_manager_uses_is_refused() {
    for node in ["nvidia-nvswitch0", "nvidia-nvswitchctl"] {
        let stage = stage("nvidia-nvswitch");
        stage.process(901, "nv-fabricmanage", &format!("/dev/{node}"));
        let why = format!(
            "cannot give it the NVSwitch {SWITCH}: nv-fabricmanage (pid 901) uses /dev/{node}. State: \
             nothing was changed. Try: stop the fabric manager of this host (systemctl stop \
             nvidia-fabricmanager), or remove the NVSwitches from the guest's XML: then this host manages \
             them."
        );
        stage.assert_refused(&guest("managed='yes'"), &why);
    }
}

#[test]
fn unmanaged_switch_on_its_host_driver_is_refused() {
    let why = format!(
        "its XML claims the NVSwitch {SWITCH} without managed='yes', but it is bound to its host driver. \
         State: nothing was changed. Try: with `virsh edit`, set managed='yes' in the <hostdev> of \
         {SWITCH}, then start the guest again."
    );
    stage("nvidia-nvswitch").assert_refused(&guest("managed='no'"), &why);
}

#[test]
fn unused_switch_is_left_to_libvirt() {
    for (driver, managed) in [
        ("nvidia-nvswitch", "managed='yes'"),
        ("vfio-pci", "managed='yes'"),
        ("vfio-pci", "managed='no'"),
    ] {
        let stage = stage(driver);
        stage.process(901, "nv-fabricmanage", "/dev/null");
        stage.hook_ok(&guest(managed), "prepare");
        let changed = stage.changed_bindings();
        assert!(!changed.is_empty(), "{driver}");
        assert!(
            changed.iter().all(|line| !line.contains(SWITCH)),
            "{changed:?}"
        );
    }
}
