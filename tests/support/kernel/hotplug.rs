//! Changes that the program under test does not make: functions are pulled or plugged, and an
//! administrator binds them.

use super::model::{Device, Id, Lock};
use super::state::{Failed, KernelState, Turn};

impl KernelState {
    /// Removes the function and everything behind it, as when a card is pulled.
    pub fn vanish(&self, address: &str) -> &Self {
        self.turn().vanish(address);
        self
    }

    /// A pulled function appears again, perhaps at another address. Its override is lost.
    #[track_caller]
    pub fn reappear(&self, gone: &str, address: &str) -> &Self {
        self.turn().reappear(gone, address, None);
        self.offer(address)
    }

    /// As `reappear`, in another group or in none.
    #[track_caller]
    pub fn reappear_in(&self, gone: &str, address: &str, group: Option<&str>) -> &Self {
        self.turn().reappear(gone, address, Some(group));
        self.offer(address)
    }

    /// Probes the drivers for this function, as when it is new or after a deferred probe.
    pub fn offer(&self, address: &str) -> &Self {
        answered(self.turn().drivers_probe(address));
        self
    }

    /// An administrator writes the override. The write is not logged.
    pub fn administrator_overrides(&self, address: &str, driver: Option<&str>) -> &Self {
        self.turn().show_override(address, driver);
        self
    }

    /// An administrator binds a function to a driver, or unbinds it. The writes are not logged.
    pub fn administrator_binds(&self, address: &str, driver: Option<&str>) -> &Self {
        let mut turn = self.turn();
        let old = turn.device(address).ok().and_then(|d| d.driver.clone());
        if let Some(old) = old {
            turn.hide_bound(&old, address);
            turn.clear_driver(address);
        }
        if let Some(driver) = driver {
            turn.show_bound(driver, address);
        }
        turn.settle_group(address);
        drop(turn);
        self
    }

    /// An administrator writes to `new_id`. The write is not logged.
    pub fn administrator_teaches(&self, driver: &str, vendor: u16, device: u16) -> &Self {
        answered(self.turn().learn(driver, Id::Exactly(vendor, device)));
        self
    }

    /// The driver of a function, by its link.
    pub fn driver_of(&self, address: &str) -> Option<String> {
        let turn = self.turn();
        let device = turn.devices.get(address)?;
        self.tree.target(&format!("{}/driver", device.folder))
    }

    pub fn override_of(&self, address: &str) -> Option<String> {
        self.turn().devices.get(address)?.overridden.clone()
    }
}

impl Turn<'_> {
    fn vanish(&mut self, address: &str) {
        let Some(device) = self.devices.get(address).cloned() else {
            return;
        };
        for behind in self.behind(&device) {
            self.vanish(&behind);
        }
        let tree = &self.kernel.tree;
        tree.remove(&format!("sys/bus/pci/devices/{address}"));
        if let Some(driver) = &device.driver {
            self.hide_bound(driver, address);
            self.clear_driver(address);
            self.settle_group(address);
        }
        if let Some(group) = &device.group {
            let group = format!("sys/kernel/iommu_groups/{group}");
            tree.remove(&format!("{group}/devices/{address}"));
            tree.remove(&format!("{group}/devices"));
            tree.remove(&group);
        }
        tree.set_aside(&device.folder, address);
        self.devices.remove(address);
        self.gone.insert(address.to_owned(), device);
    }

    fn behind(&self, bridge: &Device) -> Vec<String> {
        let inside = format!("{}/", bridge.folder);
        let below = |device: &&Device| device.folder.starts_with(&inside);
        let behind = self.devices.values().filter(below);
        behind.map(|device| device.address.clone()).collect()
    }

    #[track_caller]
    fn reappear(&mut self, gone: &str, address: &str, group: Option<Option<&str>>) {
        let device = self.gone.remove(gone).expect("the function has gone");
        self.serial += 1;
        let parent = device.folder.strip_suffix(gone);
        let new = Device {
            address: address.to_owned(),
            folder: format!("{}{address}", parent.expect("a folder has its address")),
            group: group.map_or(device.group, |group| group.map(str::to_owned)),
            driver: None,
            lock: Lock::default(),
            serial: self.serial,
            vfio: None,
            ..device
        };
        self.show(gone, &new);
        self.devices.insert(address.to_owned(), new);
        // Earlier writes to its attributes are lost.
        let file = format!("sys/bus/pci/devices/{address}/driver_override");
        if self.kernel.tree.has(&file) {
            self.show_override(address, None);
        }
    }

    fn show(&self, gone: &str, new: &Device) {
        let Device {
            address, folder, ..
        } = new;
        let tree = &self.kernel.tree;
        tree.bring_back(gone, folder);
        tree.link(&format!("sys/bus/pci/devices/{address}"), folder);
        let own_link = format!("{folder}/iommu_group");
        tree.remove(&own_link);
        if let Some(group) = &new.group {
            let group = format!("sys/kernel/iommu_groups/{group}");
            tree.folder(&format!("{group}/devices"));
            tree.link(&format!("{group}/devices/{address}"), folder);
            tree.link(&own_link, &group);
        }
    }
}

/// The kernel may refuse the write; but if it has ended, the test is wrong.
fn answered(done: Result<(), Failed>) {
    assert_ne!(done, Err(Failed::Unanswered), "the kernel has ended");
}
