//! The driver that a guest's XML names for a function: `<driver model='…'/>`.

use pretty_assertions::assert_eq;

use crate::guests::{Guest, hostdev};
use crate::stage::Stage;
use crate::support::kernel::Driver;

/// The manual's host, with a variant of vfio-pci whose module is not loaded.
fn stage() -> Stage {
    let stage = Stage::manual();
    let variant = Driver::named("nvgrace_gpu_vfio_pci").vfio();
    stage
        .kernel
        .add_driver(variant.module("nvgrace_gpu_vfio_pci"));
    // Before Linux 6.1 this alone tells that it is a VFIO driver.
    let users = "sys/module/vfio_pci_core/holders";
    stage
        .host
        .write(&format!("{users}/nvgrace_gpu_vfio_pci/x"), "");
    stage
}

const VARIANT: [&str; 2] = [
    "0000:02:00.0 nvgrace_gpu_vfio_pci nvgrace_gpu_vfio_pci",
    "0000:02:00.1 vfio-pci vfio-pci",
];

#[test]
fn prepare_binds_a_function_to_the_driver_that_its_hostdev_names() {
    let address = "<address type='pci' domain='0' bus='2' slot='0' function='0'/>";
    for device in [
        format!(
            "<hostdev type='pci'><driver model='nvgrace_gpu_vfio_pci'/><source>{address}</source>\
             </hostdev>"
        ),
        format!(
            "<hostdev type='pci'><source>{address}</source>\
             <driver name='vfio' model='nvgrace-gpu-vfio-pci'/></hostdev>"
        ),
        format!(
            "<interface type='hostdev'><driver name='vfio' model='nvgrace_gpu_vfio_pci'/>\
             <source>{address}</source></interface>"
        ),
    ] {
        let stage = stage();
        // The driver counts whatever the settings say.
        stage.host.write("etc/gpupt.toml", "stub = \"vfio-pci\"\n");
        let guest = Guest::with(&format!("{device}{}", hostdev("02", 1)));
        stage.hook_ok(&guest, "prepare");
        assert_eq!(stage.changed_bindings(), VARIANT, "{device}");
        assert_eq!(stage.kernel.guest_takes("8"), Ok(()));
        stage.kernel.guest_leaves("8");
        // The XML at the end need not be that at the start.
        stage.hook_ok(&Guest::with(&hostdev("02", 0)), "release");
        stage.assert_restored(&device);
    }
}

#[test]
fn driver_of_another_device_or_an_invalid_one_is_not_taken() {
    for devices in [
        format!(
            "<hostdev type='usb'><driver model='nvgrace_gpu_vfio_pci'/></hostdev>{}",
            hostdev("02", 0)
        ),
        format!(
            "{}<interface type='network'><driver model='nvgrace_gpu_vfio_pci'/></interface>",
            hostdev("02", 0)
        ),
        hostdev("02", 0).replace("<source>", "<driver model='../nvidia'/><source>"),
        hostdev("02", 0).replace("<source>", "<driver name='vfio'/><source>"),
    ] {
        let stage = stage();
        stage.hook_ok(&Guest::with(&devices), "prepare");
        let bindings = stage.changed_bindings();
        assert_eq!(bindings[0], "0000:02:00.0 vfio-pci vfio-pci", "{devices}");
    }
}

#[test]
fn start_is_refused_if_the_driver_that_the_xml_names_is_no_vfio_driver() {
    for driver in ["nvidia", "nouveau"] {
        let stage = stage();
        stage.kernel.add_driver(Driver::named("nouveau"));
        let named = format!("<driver model='{driver}'/><source>");
        let guest = Guest::with(&hostdev("02", 0).replace("<source>", &named));
        stage.assert_fails(
            &guest,
            &format!(
                "cannot prepare gpupci1 (0000:02:00): 0000:02:00.0 is not on a VFIO driver, although \
                 the guest's XML names the driver {driver} for it. State: all changes were undone: \
                 0000:02:00.0 is bound to nvidia, 0000:02:00.1 is bound to snd_hda_intel. Try: remove \
                 `<driver model=…/>` from the guest's XML with `virsh edit`."
            ),
        );
        stage.assert_restored(driver);
    }
}

#[test]
fn card_on_another_vfio_driver_than_the_xml_names_is_left_to_libvirt() {
    let stage = stage();
    stage.bind_at_boot();
    let devices = hostdev("02", 0);
    let named = devices.replace("<source>", "<driver model='nvgrace_gpu_vfio_pci'/><source>");
    stage.hook_ok(&Guest::with(&named), "prepare");
    assert_eq!(stage.kernel.writes(), [""; 0]);
    let said: Vec<String> = stage
        .journal()
        .iter()
        .map(|e| e["MESSAGE"].clone())
        .collect();
    assert_eq!(
        said,
        [
            "gpupci1: 0000:02:00.0 is on vfio-pci, but the guest's XML names nvgrace_gpu_vfio_pci: \
             libvirt binds it again, and gives it to its host driver when the guest ends"
        ]
    );
}
