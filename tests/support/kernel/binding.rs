//! Bind and unbind, in the steps of the kernel's driver core.

use nix::errno::Errno;

use super::model::{Device, Refusal};
use super::script::Act;
use super::state::{Failed, Turn};

/// The result of a probe.
enum Probed {
    Taken,
    /// The driver did not bind; the next one is tried.
    Refused(Refusal),
    /// No driver may bind: a guest has the group.
    Forbidden(Errno),
}

impl Turn<'_> {
    /// A write to `unbind` of a driver.
    pub fn unbind(&mut self, driver: &str, address: &str) -> Result<(), Failed> {
        if self.device(address)?.driver.as_deref() != Some(driver) {
            return Err(Errno::ENODEV.into());
        }
        self.locked(address, |turn| {
            // Another unbind was faster while this one waited for the lock. That is a success.
            let device = turn.device(address)?;
            if device.driver.as_deref() == Some(driver) {
                turn.release(driver, address)?;
            }
            Ok(())
        })
    }

    /// A write to `bind` of a driver.
    pub fn bind(&mut self, driver: &str, address: &str) -> Result<(), Failed> {
        let device = self.device(address)?;
        let matches = self.driver(driver).is_some_and(|d| d.matches(device));
        if !matches {
            return Err(Errno::ENODEV.into());
        }
        let told = |errno, turn: &Self| match turn.flavour.bind_tells {
            true => Failed::Errno(errno),
            false => Failed::Errno(Errno::ENODEV),
        };
        self.locked(address, |turn| {
            if turn.device(address)?.driver.is_some() {
                return Err(told(Errno::EBUSY, turn));
            }
            match turn.probe(driver, address)? {
                Probed::Taken => Ok(()),
                Probed::Refused(Refusal::Errno(errno)) | Probed::Forbidden(errno) => {
                    Err(told(errno, turn))
                }
                Probed::Refused(Refusal::Deferred) => Err(told(Errno::EAGAIN, turn)),
            }
        })
    }

    /// A write to `drivers_probe`. It succeeds unless the kernel refuses the bind.
    pub fn drivers_probe(&mut self, address: &str) -> Result<(), Failed> {
        if self.device(address)?.driver.is_some() {
            return Ok(());
        }
        self.locked(address, |turn| match turn.attach(address)? {
            Probed::Forbidden(_) => Err(Errno::EINVAL.into()),
            Probed::Taken | Probed::Refused(_) => Ok(()),
        })
    }

    /// Probes each driver that matches, until one binds. Under the device lock.
    fn attach(&mut self, address: &str) -> Result<Probed, Failed> {
        for driver in self.registered() {
            let device = self.device(address)?;
            if device.driver.is_some() {
                break;
            }
            if !self.driver(&driver).is_some_and(|d| d.matches(device)) {
                continue;
            }
            match self.probe(&driver, address)? {
                Probed::Refused(_) => (),
                end => return Ok(end),
            }
        }
        Ok(Probed::Refused(Refusal::Errno(Errno::ENODEV)))
    }

    fn registered(&self) -> Vec<String> {
        let registered = self.drivers.iter().filter(|driver| driver.registered);
        registered.map(|driver| driver.name.clone()).collect()
    }

    /// Probes a driver that is new, or has a new id, for every function without a driver.
    pub fn attach_all(&mut self, driver: &str) -> Result<(), Failed> {
        let addresses: Vec<String> = self.devices.keys().cloned().collect();
        for address in addresses {
            let (Ok(device), Some(known)) = (self.device(&address), self.driver(driver)) else {
                continue;
            };
            if device.driver.is_none() && known.matches(device) {
                self.locked(&address, |turn| turn.probe(driver, &address))?;
            }
        }
        Ok(())
    }

    /// The driver link exists during the probe, and is removed if the probe fails.
    fn probe(&mut self, driver: &str, address: &str) -> Result<Probed, Failed> {
        if let Some(errno) = self.dma_is_taken(driver, address) {
            return Ok(Probed::Forbidden(errno));
        }
        let serial = self.device(address)?.serial;
        self.show_bound(driver, address);
        self.work(Act::Probe, driver, address)?;
        let refusal = match self.kernel_refuses(driver, address) {
            Some(errno) => Some(Refusal::Errno(errno)),
            None => self.script.work(Act::Probe, driver, address).fails,
        };
        if self.same(address, serial).is_none() {
            return Ok(Probed::Refused(Refusal::Errno(Errno::ENODEV)));
        }
        match refusal {
            None => {
                self.settle_group(address);
                Ok(Probed::Taken)
            }
            Some(refusal) => {
                self.hide_bound(driver, address);
                self.clear_driver(address);
                Ok(Probed::Refused(refusal))
            }
        }
    }

    fn kernel_refuses(&self, driver: &str, address: &str) -> Option<Errno> {
        let device = self.devices.get(address)?;
        // The override may have changed while we waited for the lock.
        if !self.driver(driver)?.matches(device) {
            return Some(Errno::ENODEV);
        }
        self.vfio_refuses(driver, address)
    }

    /// The driver link is removed before the driver's `remove` returns.
    fn release(&mut self, driver: &str, address: &str) -> Result<(), Failed> {
        let serial = self.device(address)?.serial;
        self.hide_bound(driver, address);
        self.work(Act::Remove, driver, address)?;
        self.wait_for_the_guest(driver, address)?;
        if self.same(address, serial).is_some() {
            self.clear_driver(address);
            self.settle_group(address);
        }
        Ok(())
    }

    fn work(&mut self, act: Act, driver: &str, address: &str) -> Result<(), Failed> {
        if self.stuck {
            self.wait_while(|_| true)?;
        }
        self.wait_while(|memory| memory.script.work(act, driver, address).blocks)?;
        let takes = self.script.work(act, driver, address).takes;
        self.pause(takes)
    }

    pub fn show_bound(&mut self, driver: &str, address: &str) {
        let kernel = self.kernel;
        let Some(device) = self.devices.get_mut(address) else {
            return;
        };
        device.driver = Some(driver.to_owned());
        let of_driver = format!("sys/bus/pci/drivers/{driver}");
        let tree = &kernel.tree;
        tree.link(&format!("{of_driver}/{address}"), &device.folder);
        tree.link(&format!("{}/driver", device.folder), &of_driver);
    }

    pub fn hide_bound(&mut self, driver: &str, address: &str) {
        let Some(Device { folder, .. }) = self.devices.get(address) else {
            return;
        };
        let tree = &self.kernel.tree;
        tree.remove(&format!("{folder}/driver"));
        tree.remove(&format!("sys/bus/pci/drivers/{driver}/{address}"));
    }

    pub fn clear_driver(&mut self, address: &str) {
        if let Some(device) = self.devices.get_mut(address) {
            device.driver = None;
        }
    }
}
