//! The stub driver: its module, its choice by the settings, and kernels without driver_override.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{Errno, FakeKernel, Load};
use crate::{manual, refusal, refuses, with_kernel};

const VIDEO: &str = "0000:02:00.0";

fn first(verb: &str, cause: &str, remedy: &str) -> String {
    refusal(verb, "gpupci1 (0000:02:00)", &[cause], &[remedy])
}

/// The manual's host on which vfio-pci is not loaded.
fn without_stub() -> (TestHost, FakeKernel) {
    let host = TestHost::unpacked("manual.tree");
    fs::remove_dir(host.path("sys/bus/pci/drivers/vfio-pci")).expect("a driver");
    let kernel = FakeKernel::on(&host);
    (host, kernel)
}

#[test]
fn detach_refuses_if_the_stub_driver_cannot_be_loaded() {
    let remedy =
        "check that the module of vfio-pci is installed, and not blacklisted in /etc/modprobe.d";
    for (load, why) in [
        (
            Load::Fails(Errno::ENOENT),
            "No such file or directory (os error 2)",
        ),
        (
            Load::Blacklisted,
            "modprobe vfio_pci succeeded, but the driver is not there; it may be blacklisted",
        ),
        (Load::Blocks, "it did not finish in time"),
    ] {
        let (host, kernel) = without_stub();
        kernel.module("vfio_pci", load);
        let cause = format!("the driver vfio-pci cannot be loaded: {why}");
        let text = first("detach", &cause, remedy);
        refuses(&host, &kernel, "--timeout 1 detach gpupci1", 5, &text);
        assert_eq!(kernel.modprobes(), ["vfio_pci"]);
    }
}

#[test]
fn detach_loads_the_module_of_the_stub_driver() {
    let (host, kernel) = without_stub();
    let told = host.line("detach gpupci1 --dry-run");
    assert_eq!(told.stderr, "gpupci: first: modprobe vfio_pci\n");
    assert_eq!(kernel.modprobes(), [""; 0]);
    host.line("detach all").answer();
    assert_eq!(kernel.modprobes(), ["vfio_pci"]);
    assert_eq!(host.driver(VIDEO).as_deref(), Some("vfio-pci"));
}

#[test]
fn refused_detach_loads_no_module() {
    let (host, kernel) = without_stub();
    host.guest(77, "rocks-33", &["/dev/nvidiactl"]);
    assert_eq!(host.line("detach gpupci1").code, Some(4));
    assert_eq!(kernel.modprobes(), [""; 0]);
}

#[test]
fn detach_uses_the_stub_driver_of_the_settings() {
    let (host, kernel) = manual();
    let before = host.bindings();
    host.write("etc/gpupt.toml", "stub = \"pci-stub\"\n");
    host.line("detach gpupci1").answer();
    assert_eq!(
        host.bindings_of("0000:02:00"),
        [
            "0000:02:00.0 pci-stub pci-stub",
            "0000:02:00.1 pci-stub pci-stub"
        ]
    );
    host.line("attach gpupci1").answer();
    assert_eq!(host.bindings(), before);

    host.write("etc/gpupt.toml", "stub = \"xen-pciback\"\n");
    let text = first(
        "detach",
        "the driver xen-pciback cannot be loaded: No such file or directory (os error 2)",
        "check that the module of xen-pciback is installed, and not blacklisted in /etc/modprobe.d",
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    assert_eq!(kernel.modprobes(), ["xen_pciback"]);
}

#[test]
fn detach_refuses_on_a_kernel_without_driver_override() {
    let (host, kernel) = with_kernel("old-kernel.tree");
    let none = |function: &str| {
        format!(
            "this kernel has no driver_override for {function}, so it cannot bind this card \
             without other cards of the same model"
        )
    };
    let text = refusal(
        "detach",
        "gpupci1 (0000:02:00)",
        &[&none("0000:02:00.0"), &none("0000:02:00.1")],
        &["boot Linux 3.16 or later, or a kernel of CentOS 7.2 or later"],
    );
    refuses(&host, &kernel, "detach gpupci1", 5, &text);
    let so = host.line("attach gpupci1").answer();
    assert!(so.contains("is already attached"), "{so}");
}
