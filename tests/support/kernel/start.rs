//! The start of the kernel: reads functions and drivers from the tree.

use super::model::{Device, Driver, Id, Lock};
use super::state::{Memory, Turn};
use super::tree::Tree;

const BUS: &str = "sys/bus/pci";

/// Reads the functions.
pub fn devices(tree: &Tree) -> Vec<Device> {
    let addresses = tree.names(&format!("{BUS}/devices"));
    let numbered = addresses.iter().zip(1..);
    numbered
        .map(|(address, serial)| device(tree, address, serial))
        .collect()
}

fn device(tree: &Tree, address: &str, serial: u64) -> Device {
    let listed = format!("/{BUS}/devices/{address}");
    let folder = tree.resolve(&listed).expect("a function has a folder");
    let hex = |name: &str| {
        let text = tree.text(&format!("{folder}/{name}"))?;
        u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    };
    let overridden = tree.text(&format!("{folder}/driver_override"));
    Device {
        address: address.to_owned(),
        vendor: hex("vendor").and_then(|id| id.try_into().ok()).unwrap_or(0),
        device: hex("device").and_then(|id| id.try_into().ok()).unwrap_or(0),
        class: hex("class").unwrap_or(0),
        group: tree.target(&format!("{folder}/iommu_group")),
        driver: tree.target(&format!("{folder}/driver")),
        overridden: overridden.filter(|name| !matches!(&**name, "(null)" | "")),
        lock: Lock::default(),
        serial,
        vfio: None,
        folder,
    }
}

/// The drivers of the tree, with the ids of the functions bound to them, and those that every
/// kernel has.
pub fn drivers(tree: &Tree, memory: &Memory) -> Vec<Driver> {
    let mut names = tree.names(&format!("{BUS}/drivers"));
    names.extend(memory.devices.values().filter_map(|d| d.driver.clone()));
    names.push("pci-stub".to_owned());
    names.sort();
    names.dedup();
    let mut drivers: Vec<Driver> = names
        .iter()
        .map(|name| known_driver(tree, memory, name))
        .collect();
    if !names.iter().any(|name| name == "vfio-pci") {
        drivers.push(Driver::named("vfio-pci").vfio().module("vfio_pci"));
    }
    drivers
}

fn known_driver(tree: &Tree, memory: &Memory, name: &str) -> Driver {
    let driver = Driver::named(name);
    match name {
        "pci-stub" => return driver,
        "pcieport" => return driver.class(0x0604),
        "vfio-pci" => return driver.vfio().module("vfio_pci").loaded(),
        _ => (),
    }
    let said = tree.target(&format!("{BUS}/drivers/{name}/module"));
    let module = said.unwrap_or_else(|| usual_module(name));
    let mut driver = driver.module(&module).loaded();
    for device in memory.devices.values() {
        let id = Id::Exactly(device.vendor, device.device);
        if device.driver.as_deref() == Some(name) && !driver.ids.contains(&id) {
            driver.ids.push(id);
        }
    }
    driver
}

fn usual_module(driver: &str) -> String {
    match driver {
        "xhci_hcd" => "xhci_pci".to_owned(),
        "nvidia-gpu" => "i2c_nvidia_gpu".to_owned(),
        "bochs-drm" => "bochs".to_owned(),
        name => name.replace('-', "_"),
    }
}

impl Turn<'_> {
    /// Adds the files to the tree that belong to its drivers or are missing.
    pub fn start(&mut self) {
        let kernel = self.kernel;
        kernel.tree.put_handle(&format!("{BUS}/drivers_probe"));
        for driver in drivers(&kernel.tree, self) {
            self.add_driver(driver);
        }
        let bound: Vec<(String, String)> = self
            .devices
            .values()
            .filter_map(|device| Some((device.driver.clone()?, device.address.clone())))
            .collect();
        for (driver, address) in bound {
            self.show_bound(&driver, &address);
            self.settle_group(&address);
        }
    }
}
