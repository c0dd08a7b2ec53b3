//! Modules and the drivers that they bring.

use nix::errno::Errno;

use super::model::{Driver, Load, Module};
use super::state::{Failed, Turn};

const DRIVERS: &str = "sys/bus/pci/drivers";

impl Turn<'_> {
    /// `modprobe -b NAME`.
    pub fn modprobe(&mut self, name: &str) -> Result<(), Failed> {
        self.log.modprobes.push(name.to_owned());
        let name = name.replace('-', "_");
        if self.is_built_in(&name) {
            return Ok(());
        }
        let module = self.modules.get(&name).ok_or(Errno::ENOENT)?;
        match module.load {
            _ if module.loaded => return Ok(()),
            Load::Works => (),
            Load::Fails(errno) => return Err(errno.into()),
            Load::Blacklisted => return Ok(()),
            Load::Blocks => self.wait_while(|memory| memory.modules[&name].load == Load::Blocks)?,
        }
        for needed in self.modules[&name].needs.clone() {
            self.load(&needed)?;
        }
        self.load(&name)
    }

    fn is_built_in(&self, module: &str) -> bool {
        let mut drivers = self.drivers.iter();
        drivers.any(|driver| driver.module.is_none() && driver.name.replace('-', "_") == module)
    }

    pub fn known_module(&mut self, name: &str) -> &mut Module {
        let name = name.replace('-', "_");
        // What vfio-pci is made of; the other modules stand alone.
        let needs: &[&str] = match &*name {
            "vfio_pci" => &["vfio", "vfio_iommu_type1", "vfio_pci_core"],
            _ => &[],
        };
        let needs = needs.iter().map(|&name| name.to_owned()).collect();
        self.modules.entry(name).or_insert(Module {
            needs,
            load: Load::Works,
            loaded: false,
        })
    }

    /// Loads a module and probes its drivers for all functions.
    pub fn load(&mut self, name: &str) -> Result<(), Failed> {
        if self.show_module(name) {
            return Ok(());
        }
        let of_module = |driver: &Driver| driver.module.as_deref() == Some(name);
        let (mut new, old): (Vec<Driver>, Vec<Driver>) =
            self.drivers.drain(..).partition(of_module);
        self.drivers = old;
        for driver in &mut new {
            driver.registered = true;
            self.show_driver(driver);
        }
        self.drivers.extend(new.iter().cloned());
        for driver in new {
            self.attach_all(&driver.name)?;
        }
        Ok(())
    }

    /// Marks the module loaded and creates its folder; true if it was loaded already.
    fn show_module(&mut self, name: &str) -> bool {
        let module = self.known_module(name);
        let was_loaded = std::mem::replace(&mut module.loaded, true);
        let folder = format!("sys/module/{name}");
        if !self.kernel.tree.has(&folder) {
            let tree = &self.kernel.tree;
            tree.put(&format!("{folder}/initstate"), "live\n");
            tree.put(&format!("{folder}/refcnt"), "0\n");
        }
        was_loaded
    }

    pub fn add_driver(&mut self, driver: Driver) {
        if let Some(module) = driver.module.clone() {
            let loaded = driver.registered;
            self.known_module(&module).loaded = loaded;
            if loaded {
                for needed in self.known_module(&module).needs.clone() {
                    self.show_module(&needed);
                }
                self.show_module(&module);
            }
        }
        if driver.registered {
            self.show_driver(&driver);
        }
        self.drivers.push(driver);
    }

    fn show_driver(&self, driver: &Driver) {
        let tree = &self.kernel.tree;
        let folder = format!("{DRIVERS}/{}", driver.name);
        tree.folder(&folder);
        for handle in ["bind", "unbind", "new_id", "remove_id"] {
            tree.put_handle(&format!("{folder}/{handle}"));
        }
        if let Some(module) = &driver.module {
            tree.link(&format!("{folder}/module"), &format!("sys/module/{module}"));
        }
        if driver.is_vfio {
            tree.put_handle("dev/vfio/vfio");
        }
    }

    /// Unloads a module and its drivers. The modules it depends on stay.
    pub fn unload(&mut self, name: &str) {
        let name = name.replace('-', "_");
        self.known_module(&name).loaded = false;
        let kernel = self.kernel;
        kernel.tree.remove_all(&format!("sys/module/{name}"));
        for driver in &mut self.drivers {
            if driver.module.as_deref() == Some(&*name) {
                driver.registered = false;
                kernel
                    .tree
                    .remove_all(&format!("{DRIVERS}/{}", driver.name));
                if driver.is_vfio {
                    kernel.tree.remove("dev/vfio/vfio");
                }
            }
        }
    }
}
