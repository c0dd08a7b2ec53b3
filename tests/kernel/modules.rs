//! Modules and their drivers.

use pretty_assertions::assert_eq;

use crate::client::{DONE, KernelClient, fails_with};
use crate::support::TestHost;
use crate::support::kernel::{Driver, Errno, FakeKernel, Load};

const CARD: &str = "0000:02:00.0";

#[test]
fn vfio_pci_is_absent_until_it_is_loaded() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    kernel.unload("vfio_pci").administrator_binds(CARD, None);
    let machine = KernelClient(&host);
    let folder = host.path("sys/bus/pci/drivers/vfio-pci");
    assert!(!folder.exists() && !host.path("sys/module/vfio_pci").exists());
    assert_eq!(machine.overrides(CARD, "vfio-pci"), DONE);
    assert_eq!(machine.probe(CARD), DONE, "success, and nothing bound");
    assert_eq!(kernel.driver_of(CARD), None);

    assert_eq!(machine.modprobe("vfio-pci"), DONE);
    assert!(folder.exists() && host.path("sys/module/vfio_pci/initstate").exists());
    assert!(host.path("sys/module/vfio/initstate").exists());
    let now = kernel.driver_of(CARD);
    assert_eq!(
        now.as_deref(),
        Some("vfio-pci"),
        "a new driver looks around"
    );
    assert_eq!(kernel.modprobes(), ["vfio-pci"]);
    assert_eq!(kernel.writes().len(), 2, "loading is no write");
}

#[test]
fn modprobe_of_a_built_in_or_loaded_module_succeeds() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    assert_eq!(machine.modprobe("pci-stub"), DONE);
    assert_eq!(machine.modprobe("vfio_pci"), DONE);
    assert_eq!(machine.modprobe("nvidia"), DONE);
    assert_eq!(machine.modprobe("bogus"), fails_with(Errno::ENOENT));
    assert_eq!(
        kernel.modprobes(),
        ["pci-stub", "vfio_pci", "nvidia", "bogus"]
    );
}

#[test]
fn modprobe_can_fail_or_be_blacklisted() {
    let host = TestHost::unpacked("manual.tree");
    let kernel = FakeKernel::on(&host);
    let machine = KernelClient(&host);
    kernel
        .add_driver(
            Driver::named("nouveau")
                .class(0x0300)
                .class(0x0302)
                .module("nouveau"),
        )
        .administrator_binds(CARD, None)
        .module("nouveau", Load::Fails(Errno::EPERM));
    assert_eq!(machine.modprobe("nouveau"), fails_with(Errno::EPERM));
    kernel.module("nouveau", Load::Blacklisted);
    assert_eq!(
        machine.modprobe("nouveau"),
        DONE,
        "success, and nothing loaded"
    );
    assert_eq!(kernel.driver_of(CARD), None);
    kernel.module("nouveau", Load::Works);
    assert_eq!(machine.modprobe("nouveau"), DONE);
    assert_eq!(kernel.driver_of(CARD).as_deref(), Some("nouveau"));
}
