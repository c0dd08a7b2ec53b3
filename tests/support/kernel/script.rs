//! The test's script: what drivers and functions do.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::model::{Driver, Flavour, Load, Work};
use super::state::KernelState;

/// The subject of a script: a driver by name, a function by address, or both.
#[derive(Clone, Debug)]
pub struct Subject {
    driver: Option<String>,
    address: Option<String>,
}

impl From<&str> for Subject {
    fn from(name: &str) -> Self {
        let name = name.to_owned();
        if name.contains(':') {
            Self {
                driver: None,
                address: Some(name),
            }
        } else {
            Self {
                driver: Some(name),
                address: None,
            }
        }
    }
}

/// A driver with a function.
impl From<(&str, &str)> for Subject {
    fn from((driver, address): (&str, &str)) -> Self {
        Self {
            driver: Some(driver.to_owned()),
            address: Some(address.to_owned()),
        }
    }
}

impl Subject {
    fn is(&self, driver: &str, address: &str) -> bool {
        self.driver.as_deref().is_none_or(|name| name == driver)
            && self.address.as_deref().is_none_or(|name| name == address)
    }
}

/// The last matching entry counts.
#[derive(Default)]
pub struct Script {
    probes: Vec<(Subject, Work)>,
    removes: Vec<(Subject, Work)>,
    unreadable: BTreeMap<String, Errno>,
}

/// The two operations of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Probe,
    Remove,
}

impl Script {
    pub fn work(&self, act: Act, driver: &str, address: &str) -> Work {
        let works = match act {
            Act::Probe => &self.probes,
            Act::Remove => &self.removes,
        };
        let said = works
            .iter()
            .rfind(|(subject, _)| subject.is(driver, address));
        said.map(|(_, work)| *work).unwrap_or_default()
    }

    pub fn reading(&self, path: &str) -> Result<(), Errno> {
        self.unreadable
            .get(path)
            .map_or(Ok(()), |errno| Err(*errno))
    }
}

impl KernelState {
    /// What a driver's probe does from now on.
    pub fn on_probe(&self, subject: impl Into<Subject>, work: Work) -> &Self {
        self.turn().script.probes.push((subject.into(), work));
        self
    }

    /// What a driver's `remove` does from now on, as at an unbind.
    pub fn on_unbind(&self, subject: impl Into<Subject>, work: Work) -> &Self {
        self.turn().script.removes.push((subject.into(), work));
        self
    }

    /// Reads of this file through the kernel fail. Programs that read the file directly are not
    /// affected.
    pub fn on_read(&self, path: &str, errno: Errno) -> &Self {
        let mut turn = self.turn();
        turn.script.unreadable.insert(path.to_owned(), errno);
        drop(turn);
        self
    }

    /// Changes how this kernel differs from its release.
    pub fn flavour(&self, change: impl FnOnce(&mut Flavour)) -> &Self {
        change(&mut self.turn().flavour);
        self
    }

    /// Adds a driver. A driver of a module is absent until the module is loaded.
    pub fn add_driver(&self, driver: Driver) -> &Self {
        self.turn().add_driver(driver);
        self
    }

    /// Changes a driver, for instance adds an id.
    #[track_caller]
    pub fn driver(&self, name: &str, change: impl FnOnce(Driver) -> Driver) -> &Self {
        let mut turn = self.turn();
        let mut drivers = turn.drivers.iter_mut();
        let driver = drivers.find(|driver| driver.name == name);
        let driver = driver.expect("the kernel has this driver");
        *driver = change(driver.clone());
        drop(turn);
        self
    }

    /// Sets the result of loading this module.
    pub fn module(&self, name: &str, load: Load) -> &Self {
        self.turn().known_module(name).load = load;
        self
    }

    /// Unloads a module. No function may be bound to its drivers.
    pub fn unload(&self, name: &str) -> &Self {
        self.turn().unload(name);
        self
    }
}
