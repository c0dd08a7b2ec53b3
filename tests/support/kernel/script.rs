//! What a test makes drivers and functions do.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::model::{Driver, Flavour, Load, Work};
use super::state::KernelState;

/// Whom a script speaks of: a driver by its name, a function by its address, or the two together.
#[derive(Clone, Debug)]
pub struct Whom {
    driver: Option<String>,
    address: Option<String>,
}

impl From<&str> for Whom {
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

/// A driver, and a function.
impl From<(&str, &str)> for Whom {
    fn from((driver, address): (&str, &str)) -> Self {
        Self {
            driver: Some(driver.to_owned()),
            address: Some(address.to_owned()),
        }
    }
}

impl Whom {
    fn is(&self, driver: &str, address: &str) -> bool {
        self.driver.as_deref().is_none_or(|name| name == driver)
            && self.address.as_deref().is_none_or(|name| name == address)
    }
}

/// What was said last counts.
#[derive(Default)]
pub struct Script {
    probes: Vec<(Whom, Work)>,
    removes: Vec<(Whom, Work)>,
    unreadable: BTreeMap<String, Errno>,
}

/// The two things that drivers do.
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
        let said = works.iter().rfind(|(whom, _)| whom.is(driver, address));
        said.map(|(_, work)| *work).unwrap_or_default()
    }

    pub fn reading(&self, path: &str) -> Result<(), Errno> {
        self.unreadable
            .get(path)
            .map_or(Ok(()), |errno| Err(*errno))
    }
}

impl KernelState {
    /// What happens from now on when a driver is to take a function.
    pub fn on_probe(&self, whom: impl Into<Whom>, work: Work) -> &Self {
        self.turn().script.probes.push((whom.into(), work));
        self
    }

    /// What happens from now on when a driver is to let a function go, as `unbind` makes it.
    pub fn on_unbind(&self, whom: impl Into<Whom>, work: Work) -> &Self {
        self.turn().script.removes.push((whom.into(), work));
        self
    }

    /// A file that the kernel cannot tell. Of what a program reads by itself it knows nothing.
    pub fn on_read(&self, path: &str, errno: Errno) -> &Self {
        let mut turn = self.turn();
        turn.script.unreadable.insert(path.to_owned(), errno);
        drop(turn);
        self
    }

    /// Makes this kernel younger or older than its release says.
    pub fn flavour(&self, change: impl FnOnce(&mut Flavour)) -> &Self {
        change(&mut self.turn().flavour);
        self
    }

    /// One more driver. That of a module is absent until the module is loaded.
    pub fn add_driver(&self, driver: Driver) -> &Self {
        self.turn().add_driver(driver);
        self
    }

    /// Teaches a driver of this kernel more, such as another id.
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

    /// What comes of loading this module.
    pub fn module(&self, name: &str, load: Load) -> &Self {
        self.turn().known_module(name).load = load;
        self
    }

    /// As if this module had not been loaded so far. No function may have a driver of it.
    pub fn unload(&self, name: &str) -> &Self {
        self.turn().unload(name);
        self
    }
}
