//! The stub driver: its module, its choice by the settings, and kernels without driver_override.

use std::fs;

use pretty_assertions::assert_eq;

use crate::support::TestHost;
use crate::support::kernel::{Driver, Errno, FakeKernel, InjectedFault, Load};
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
            "the path does not exist (os error 2)",
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
        "the driver xen-pciback cannot be loaded: the path does not exist (os error 2)",
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

/// A kernel 6.11 with a variant of vfio-pci for the first card's display function. Its module is not loaded.
fn with_variant() -> (TestHost, FakeKernel) {
    let host = TestHost::unpacked("manual.tree");
    host.write("proc/sys/kernel/osrelease", "6.11.0\n");
    host.write(
        "lib/modules/6.11.0/modules.alias",
        "# Aliases\n\
         alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n\
         alias vfio_pci:v000010DEd000006DEsv*sd*bc*sc*i* mlx5_vfio_pci\n",
    );
    let kernel = FakeKernel::on(&host);
    kernel.add_driver(
        Driver::named("mlx5_vfio_pci")
            .vfio()
            .module("mlx5_vfio_pci"),
    );
    (host, kernel)
}

const VARIANT_AND_VFIO_PCI: [&str; 2] = [
    "0000:02:00.0 mlx5_vfio_pci mlx5_vfio_pci",
    "0000:02:00.1 vfio-pci vfio-pci",
];

#[test]
fn detach_uses_the_variant_driver_that_modules_alias_names_for_a_function() {
    let (host, kernel) = with_variant();
    let before = host.bindings();
    let told = host.line("detach gpupci1 --dry-run");
    assert_eq!(told.stderr, "gpupci: first: modprobe mlx5_vfio_pci\n");
    let write = "/sys/bus/pci/devices/0000:02:00.0/driver_override <- mlx5_vfio_pci\n";
    assert!(told.text().starts_with(write), "{}", told.text());
    for settings in ["", "stub = \"auto\"\n"] {
        host.write("etc/gpupt.toml", settings);
        host.line("detach gpupci1").answer();
        assert_eq!(host.bindings_of("0000:02:00"), VARIANT_AND_VFIO_PCI);
        assert_eq!(kernel.guest_takes("8"), Ok(()));
        kernel.guest_leaves("8");
        // The list may be another one by now, and the settings too.
        host.write("etc/gpupt.toml", "stub = \"pci-stub\"\n");
        host.line("attach gpupci1").answer();
        assert_eq!(host.bindings(), before);
    }
    assert_eq!(kernel.modprobes(), ["mlx5_vfio_pci"]);
    host.write("etc/gpupt.toml", "stub = \"vfio-pci\"\n");
    host.line("detach gpupci1").answer();
    let ready = [
        "0000:02:00.0 vfio-pci vfio-pci",
        "0000:02:00.1 vfio-pci vfio-pci",
    ];
    assert_eq!(host.bindings_of("0000:02:00"), ready);
}

#[test]
fn interrupted_detach_to_a_variant_driver_is_recovered() {
    for nth in 1..=6 {
        for fault in [InjectedFault::KillBefore, InjectedFault::KillAfter] {
            let (host, kernel) = with_variant();
            let before = host.bindings();
            kernel.fault(nth, fault);
            assert_eq!(host.line("detach gpupci1").code, None);
            host.write("lib/modules/6.11.0/modules.alias", "");
            let recovered = host.line("recover");
            assert_eq!(
                recovered.code,
                Some(0),
                "{nth} {fault:?} {}",
                recovered.stderr
            );
            let now = host.bindings();
            let is_detached = host.bindings_of("0000:02:00") == VARIANT_AND_VFIO_PCI;
            assert!(now == before || is_detached, "{nth} {fault:?} {now:?}");
            host.line("attach gpupci1").answer();
            assert_eq!(host.bindings(), before, "{nth} {fault:?}");
        }
    }
}

#[test]
fn recover_removes_the_override_of_vfio_pci_whatever_the_settings_say_now() {
    let (host, kernel) = manual();
    let before = host.bindings();
    kernel.fault(1, InjectedFault::KillAfter);
    assert_eq!(host.line("detach gpupci1").code, None);
    assert_ne!(host.bindings(), before, "the override is set");
    host.write("etc/gpupt.toml", "stub = \"pci-stub\"\n");
    host.line("recover").answer();
    assert_eq!(host.bindings(), before);
}

#[test]
fn detach_finds_the_driver_of_a_module_that_has_another_name() {
    let (host, kernel) = with_variant();
    kernel.add_driver(Driver::named("pciback").module("xen_pciback"));
    for (stub, driver) in [
        ("mlx5-vfio-pci", "mlx5_vfio_pci"),
        ("vfio_pci", "vfio-pci"),
        ("xen-pciback", "pciback"),
    ] {
        host.write("etc/gpupt.toml", &format!("stub = \"{stub}\"\n"));
        host.line("detach gpupci1").answer();
        assert_eq!(host.driver(VIDEO).as_deref(), Some(driver), "{stub}");
        host.line("attach gpupci1").answer();
    }
}

#[test]
fn card_on_any_vfio_driver_is_detached() {
    let (host, kernel) = with_variant();
    for function in [VIDEO, "0000:02:00.1"] {
        kernel.administrator_binds(function, Some("vfio-pci"));
    }
    let said = host.line("detach gpupci1").answer();
    assert!(said.contains("is already detached"), "{said}");
    assert_eq!(kernel.writes(), [""; 0]);
}

/// Linux 5.18 has variants, but not `vfio-dev`.
#[test]
fn card_on_a_variant_driver_of_linux_5_18_is_detached() {
    let (host, kernel) = with_variant();
    kernel.flavour(|flavour| flavour.vfio_dev = false);
    host.line("detach gpupci1").answer();
    assert_eq!(host.bindings_of("0000:02:00"), VARIANT_AND_VFIO_PCI);
    host.write("lib/modules/6.11.0/modules.alias", "");
    host.write("sys/module/vfio_pci_core/holders/mlx5_vfio_pci/x", "");
    kernel.forget();
    let said = host.line("detach gpupci1").answer();
    assert!(said.contains("is already detached"), "{said}");
    assert_eq!(kernel.writes(), [""; 0]);
}
