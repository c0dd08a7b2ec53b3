//! Functions that are pulled and plugged, and writes of an administrator.

use pretty_assertions::assert_eq;

use crate::client::{DONE, KernelClient, fails_with, of};
use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel};

const CARD: &str = "0000:02:00.0";
const MOVED: &str = "0000:05:00.0";
const TWIN: &str = "0000:03:00.0";

#[test]
fn pulled_card_leaves_no_file() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("nvidia", CARD);
    kernel.vanish(CARD);
    assert_eq!(machine.overrides(CARD, ""), fails_with(Errno::ENOENT));
    assert_eq!(machine.unbind("vfio-pci", CARD), fails_with(Errno::ENODEV));
    assert_eq!(machine.probe(CARD), fails_with(Errno::ENODEV));
    for left in [
        "sys/bus/pci/devices/0000:02:00.0",
        "sys/bus/pci/drivers/vfio-pci/0000:02:00.0",
        "sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0",
        "sys/kernel/iommu_groups/8/devices/0000:02:00.0",
        "dev/vfio/8",
    ] {
        let left = host.path(left);
        assert!(left.symlink_metadata().is_err(), "{}", left.display());
    }
}

#[test]
fn pulled_bridge_removes_the_devices_behind_it() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    kernel.vanish("0000:00:03.0");
    assert_eq!(KernelClient(&host).probe(CARD), fails_with(Errno::ENODEV));
    assert!(!host.path("sys/kernel/iommu_groups/8").exists());
}

#[test]
fn card_in_another_slot_starts_without_override() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    machine.detach("nvidia", CARD);
    kernel.vanish(CARD).reappear_in(CARD, MOVED, Some("77"));
    assert_eq!(kernel.driver_of(MOVED).as_deref(), Some("nvidia"));
    assert_eq!(
        machine.read(&of(MOVED, "driver_override")),
        Ok(b"(null)\n".to_vec())
    );
    assert_eq!(machine.read(&of(MOVED, "device")), Ok(b"0x06de\n".to_vec()));
    assert!(
        host.path("sys/kernel/iommu_groups/77/devices/0000:05:00.0/vendor")
            .exists()
    );
    machine.detach("nvidia", MOVED);
    assert!(host.path("dev/vfio/77").exists());
}

#[test]
fn card_can_be_pulled_between_two_writes() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    kernel.before_write(2, |kernel| {
        kernel.vanish(CARD);
    });
    assert_eq!(machine.overrides(CARD, "vfio-pci"), DONE);
    assert_eq!(machine.unbind("nvidia", CARD), fails_with(Errno::ENODEV));
    assert_eq!(machine.unbind("nvidia", TWIN), DONE);
}

#[test]
fn writes_of_the_administrator_are_not_logged() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    kernel
        .administrator_overrides(CARD, Some("vfio-pci"))
        .administrator_binds(CARD, Some("vfio-pci"))
        .administrator_binds(TWIN, None);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("vfio-pci"));
    assert_eq!(kernel.driver_of(TWIN), None);
    let machine = KernelClient(&host);
    assert_eq!(
        machine.read(&of(CARD, "driver_override")),
        Ok(b"vfio-pci\n".to_vec())
    );
    assert_eq!(kernel.writes(), [""; 0]);
}

#[test]
fn driver_with_a_new_id_binds_both_identical_cards() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    kernel
        .administrator_binds(CARD, None)
        .administrator_binds(TWIN, None)
        .administrator_teaches("pci-stub", 0x10de, 0x06de);
    for address in [CARD, TWIN] {
        assert_eq!(kernel.driver_of(address).as_deref(), Some("pci-stub"));
    }
}
