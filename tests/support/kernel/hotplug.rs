//! What happens to functions without the program under test: they go, come, and others bind them.

use super::model::{Device, Id, Lock};
use super::state::{Failed, KernelState, Turn};

impl KernelState {
    /// The function and all behind it are gone at once, as when a card is pulled.
    pub fn vanish(&self, address: &str) -> &Self {
        self.turn().vanish(address);
        self
    }

    /// A function that has gone comes back, perhaps with another address. Its override is lost.
    #[track_caller]
    pub fn reappear(&self, gone: &str, address: &str) -> &Self {
        self.turn().reappear(gone, address, None);
        self.offer(address)
    }

    /// The same, in another group, or in none.
    #[track_caller]
    pub fn reappear_in(&self, gone: &str, address: &str, group: Option<&str>) -> &Self {
        self.turn().reappear(gone, address, Some(group));
        self.offer(address)
    }

    /// Drivers look for this function, as when it is new or when its time has come after it was
    /// deferred.
    pub fn offer(&self, address: &str) -> &Self {
        answered(self.turn().drivers_probe(address));
        self
    }

    /// What an administrator writes; it is not in the log.
    pub fn administrator_overrides(&self, address: &str, driver: Option<&str>) -> &Self {
        self.turn().show_override(address, driver);
        self
    }

    /// An administrator gives a function to a driver, or to none; it is not in the log.
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

    /// What an administrator writes to `new_id`; it is not in the log.
    pub fn administrator_teaches(&self, driver: &str, vendor: u16, device: u16) -> &Self {
        answered(self.turn().learn(driver, Id::Exactly(vendor, device)));
        self
    }

    /// The driver that has the function: what the link says.
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
        // What was written to it before is lost.
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

/// A refusal is the machine's business; a kernel that ends is the test's.
fn answered(done: Result<(), Failed>) {
    assert_ne!(done, Err(Failed::Unanswered), "the kernel has ended");
}
