//! VFIO: viable groups, and their nodes.

use nix::errno::Errno;

use super::model::Device;
use super::state::{Failed, KernelState, Turn};

impl KernelState {
    /// A process opens the node of a group: ENOENT without the node, EBUSY if another has it open.
    pub fn opens(&self, group: &str) -> Result<(), Errno> {
        let turn = self.turn();
        if !self.tree.has(&format!("dev/vfio/{group}")) {
            return Err(Errno::ENOENT);
        }
        match turn.owned.contains(group) {
            true => Err(Errno::EBUSY),
            false => Ok(()),
        }
    }

    /// A guest opens a group and its functions, as QEMU does: EPERM if the group is not viable, and an
    /// error if a region of it must stay mapped one to one.
    pub fn guest_takes(&self, group: &str) -> Result<(), Errno> {
        self.opens(group)?;
        let mut turn = self.turn();
        if !turn.is_viable(group) {
            return Err(Errno::EPERM);
        }
        if turn.has_direct_region(group) {
            return Err(turn.flavour.direct_region);
        }
        turn.owned.insert(group.to_owned());
        turn.settle_enable(group);
        Ok(())
    }

    pub fn guest_leaves(&self, group: &str) {
        let mut turn = self.turn();
        turn.owned.remove(group);
        turn.settle_enable(group);
    }
}

impl Turn<'_> {
    fn members(&self, group: &str) -> impl Iterator<Item = &Device> {
        let of_group = move |device: &&Device| device.group.as_deref() == Some(group);
        self.devices.values().filter(of_group)
    }

    fn is_viable(&self, group: &str) -> bool {
        self.members(group).all(|device| {
            let driver = device.driver.as_deref().and_then(|name| self.driver(name));
            driver.is_none_or(|driver| match self.flavour.dma_ownership {
                true => driver.leaves_dma_alone,
                false => driver.is_vfio || driver.name == "pci-stub" || device.has_bridge_header(),
            })
        })
    }

    /// Whether the firmware keeps a region for a function of the group. Relaxable regions are for the
    /// host's drivers only.
    fn has_direct_region(&self, group: &str) -> bool {
        let regions = format!("sys/kernel/iommu_groups/{group}/reserved_regions");
        let text = self.kernel.tree.text(&regions).unwrap_or_default();
        text.lines().any(|line| line.ends_with(" direct"))
    }

    /// `enable` counts who has switched the function on: its host driver, or the guest that has it open.
    fn settle_enable(&self, group: &str) {
        let is_owned = self.owned.contains(group);
        for device in self.members(group) {
            let is_on = match device.driver.as_deref() {
                None => device.has_bridge_header(),
                Some(driver) => !self.is_vfio(driver) || is_owned,
            };
            let file = format!("{}/enable", device.folder);
            self.kernel
                .tree
                .put(&file, if is_on { "1\n" } else { "0\n" });
        }
    }

    fn is_vfio(&self, driver: &str) -> bool {
        self.driver(driver).is_some_and(|driver| driver.is_vfio)
    }

    fn group_of(&self, address: &str) -> Option<String> {
        self.devices.get(address)?.group.clone()
    }

    /// Whether a bind is refused because a guest has the group. Before 5.19 VFIO noticed it only
    /// after the bind and hit a kernel BUG.
    pub fn dma_is_taken(&mut self, driver: &str, address: &str) -> Option<Errno> {
        let group = self.group_of(address)?;
        let harmless = self.driver(driver)?.leaves_dma_alone;
        if harmless || !self.owned.contains(&group) {
            return None;
        }
        if !self.flavour.dma_ownership {
            let crash = format!("{address} given to {driver} while a guest has group {group}");
            self.log.complaints.push(format!("kernel BUG: {crash}"));
        }
        self.flavour.dma_ownership.then_some(Errno::EBUSY)
    }

    /// Functions that a VFIO driver refuses.
    pub fn vfio_refuses(&self, driver: &str, address: &str) -> Option<Errno> {
        let device = self.devices.get(address)?;
        if !self.is_vfio(driver) {
            return None;
        }
        if device.has_bridge_header() || device.group.is_none() {
            return Some(Errno::EINVAL);
        }
        let functions = format!("{}/virtfn0", device.folder);
        self.kernel.tree.has(&functions).then_some(Errno::EBUSY)
    }

    /// The `remove` of a VFIO driver waits while a guest has the function open.
    pub fn wait_for_the_guest(&mut self, driver: &str, address: &str) -> Result<(), Failed> {
        match self.group_of(address) {
            Some(group) if self.is_vfio(driver) => {
                self.wait_while(|memory| memory.owned.contains(&group))
            }
            _ => Ok(()),
        }
    }

    /// Creates or removes the function's `vfio-dev` and the node of its group, which exist while it
    /// is bound to a VFIO driver.
    pub fn settle_group(&mut self, address: &str) {
        self.settle_vfio_dev(address);
        let Some(group) = self.group_of(address) else {
            return;
        };
        let drivers: Vec<String> = self
            .members(&group)
            .filter_map(|device| device.driver.clone())
            .collect();
        let node = format!("dev/vfio/{group}");
        if drivers.iter().any(|driver| self.is_vfio(driver)) {
            self.kernel.tree.put_handle(&node);
        } else {
            self.kernel.tree.remove(&node);
        }
        self.settle_enable(&group);
    }

    fn settle_vfio_dev(&mut self, address: &str) {
        let Some(device) = self.devices.get(address) else {
            return;
        };
        let wanted = device.driver.as_deref().is_some_and(|d| self.is_vfio(d));
        let folder = format!("{}/vfio-dev", device.folder);
        match (wanted && self.flavour.vfio_dev, device.vfio) {
            (true, None) => self.show_vfio_dev(address, &folder),
            (false, Some(_)) => {
                self.kernel.tree.remove_all(&folder);
                self.set_vfio(address, None);
            }
            _ => (),
        }
    }

    fn show_vfio_dev(&mut self, address: &str, folder: &str) {
        let used: Vec<u32> = self.devices.values().filter_map(|d| d.vfio).collect();
        let free = (0..).find(|n| !used.contains(n));
        if let Some(n) = free {
            self.kernel.tree.folder(&format!("{folder}/vfio{n}"));
        }
        self.set_vfio(address, free);
    }

    fn set_vfio(&mut self, address: &str, n: Option<u32>) {
        if let Some(device) = self.devices.get_mut(address) {
            device.vfio = n;
        }
    }
}
