//! Writes and reads of sysfs files.

use nix::errno::Errno;

use super::model::Id;
use super::state::{Failed, Turn};

/// An override must be shorter than a page, by its final NUL and one more byte.
const LONGEST_OVERRIDE: usize = 4094;

/// The files that can be written.
enum Handle {
    Override(String),
    Unbind(String),
    Bind(String),
    NewId(String),
    DriversProbe,
    /// A file that keeps the written value if it is one of these.
    Setting(String, &'static [&'static str]),
}

impl Turn<'_> {
    /// An `open` and one `write(2)`.
    pub fn write(&mut self, path: &str, value: &[u8]) -> Result<(), Failed> {
        let handle = self.open(path)?;
        // An empty write does not reach the kernel.
        if value.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(value);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        match handle {
            Handle::Override(address) => self.set_override(&address, &text),
            Handle::Unbind(driver) => self.unbind(&driver, line),
            Handle::Bind(driver) => self.bind(&driver, line),
            Handle::NewId(driver) => self.new_id(&driver, line),
            Handle::DriversProbe => self.drivers_probe(line),
            Handle::Setting(file, words) => self.set(&file, words, line),
        }
    }

    /// One `read(2)`.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, Failed> {
        let file = self.kernel.tree.resolve(path)?;
        let overrides = self.owner(&file, "driver_override");
        if let Some(address) = overrides.filter(|_| self.flavour.override_is_locked) {
            self.locked(&address, |_| Ok(()))?;
        }
        self.script.reading(path)?;
        Ok(self.kernel.tree.read(&file)?)
    }

    fn open(&self, path: &str) -> Result<Handle, Errno> {
        let file = self.kernel.tree.resolve(path)?;
        if self.kernel.tree.is_folder(&file) {
            return Err(Errno::EISDIR);
        }
        self.handle(&file).ok_or(Errno::EACCES)
    }

    fn handle(&self, file: &str) -> Option<Handle> {
        if let Some(of_bus) = file.strip_prefix("sys/bus/pci/") {
            return of_bus_handle(of_bus);
        }
        if let Some(address) = self.owner(file, "driver_override") {
            return Some(Handle::Override(address));
        }
        let words: &[&str] = if self.owner(file, "power/control").is_some() {
            &["auto", "on"]
        } else if self.owner(file, "d3cold_allowed").is_some() {
            &["0", "1"]
        } else {
            return None;
        };
        Some(Handle::Setting(file.to_owned(), words))
    }

    /// The function that this file belongs to.
    fn owner(&self, file: &str, name: &str) -> Option<String> {
        let folder = file.strip_suffix(name)?.strip_suffix('/')?;
        let device = self.devices.values().find(|device| device.folder == folder);
        Some(device?.address.clone())
    }

    fn set_override(&mut self, address: &str, text: &str) -> Result<(), Failed> {
        if text.len() > LONGEST_OVERRIDE {
            return Err(Errno::EINVAL.into());
        }
        let text = text.split('\0').next().unwrap_or_default();
        let name = text.split('\n').next().filter(|name| !name.is_empty());
        if !self.flavour.override_is_locked {
            self.show_override(address, name);
            return Ok(());
        }
        self.locked(address, |turn| {
            if turn.stuck {
                turn.wait_while(|_| true)?;
            }
            turn.show_override(address, name);
            Ok(())
        })
    }

    pub fn show_override(&mut self, address: &str, name: Option<&str>) {
        let kernel = self.kernel;
        if let Some(device) = self.devices.get_mut(address) {
            device.overridden = name.map(str::to_owned);
            let file = format!("{}/driver_override", device.folder);
            let text = name.unwrap_or("(null)");
            kernel.tree.put(&file, &format!("{text}\n"));
        }
    }

    fn new_id(&mut self, driver: &str, line: &str) -> Result<(), Failed> {
        let mut words = line.split_whitespace();
        let mut number = || u16::from_str_radix(words.next()?, 16).ok();
        let (Some(vendor), Some(device)) = (number(), number()) else {
            return Err(Errno::EINVAL.into());
        };
        self.learn(driver, Id::Exactly(vendor, device))
    }

    /// Adds an id to a driver, which then binds all matching functions without a driver.
    pub fn learn(&mut self, driver: &str, id: Id) -> Result<(), Failed> {
        let mut drivers = self.drivers.iter_mut();
        let known = drivers.find(|known| known.name == driver);
        let known = known.ok_or(Errno::ENODEV)?;
        if known.ids.contains(&id) {
            return Err(Errno::EEXIST.into());
        }
        known.ids.push(id);
        self.attach_all(driver)
    }

    fn set(&mut self, file: &str, words: &[&str], line: &str) -> Result<(), Failed> {
        if !words.contains(&line) {
            return Err(Errno::EINVAL.into());
        }
        self.kernel.tree.put(file, &format!("{line}\n"));
        Ok(())
    }
}

fn of_bus_handle(file: &str) -> Option<Handle> {
    if file == "drivers_probe" {
        return Some(Handle::DriversProbe);
    }
    let (driver, name) = file.strip_prefix("drivers/")?.split_once('/')?;
    let driver = driver.to_owned();
    match name {
        "unbind" => Some(Handle::Unbind(driver)),
        "bind" => Some(Handle::Bind(driver)),
        "new_id" => Some(Handle::NewId(driver)),
        _ => None,
    }
}
