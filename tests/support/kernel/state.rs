//! The state of the kernel, and how its threads wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::log::Log;
use super::model::{Device, Driver, Flavour, Module};
use super::script::Script;
use super::tree::Tree;

/// The part of the fake kernel that tests call. Programs under test use its socket.
pub struct KernelState {
    pub(super) tree: Tree,
    pub(super) memory: Mutex<Memory>,
    pub(super) changed: Condvar,
}

pub struct Memory {
    pub flavour: Flavour,
    pub devices: BTreeMap<String, Device>,
    /// In the order of their registration, which is the order of the probes.
    pub drivers: Vec<Driver>,
    pub modules: BTreeMap<String, Module>,
    /// The IOMMU groups that guests have.
    pub owned: BTreeSet<String>,
    pub gone: BTreeMap<String, Device>,
    pub script: Script,
    pub log: Log,
    pub serial: u64,
    pub stopping: bool,
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    Errno(Errno),
    /// The kernel was dropped, or the client was killed.
    Unanswered,
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// A thread's lock on the state, which it releases only while it waits.
pub struct Turn<'k> {
    pub kernel: &'k KernelState,
    memory: Option<MutexGuard<'k, Memory>>,
    /// Work in this turn blocks forever, whatever the script says.
    pub stuck: bool,
}

impl KernelState {
    pub(super) fn turn(&self) -> Turn<'_> {
        let memory = self.memory.lock();
        Turn {
            kernel: self,
            memory: Some(memory.unwrap_or_else(PoisonError::into_inner)),
            stuck: false,
        }
    }

    /// Wakes all waiting threads; they fail.
    pub(super) fn stop(&self) {
        self.turn().stopping = true;
        self.changed.notify_all();
    }
}

impl Deref for Turn<'_> {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        self.memory.as_ref().expect("only waiting takes it")
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Memory {
        self.memory.as_mut().expect("only waiting takes it")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.kernel.changed.notify_all();
    }
}

impl Turn<'_> {
    /// Waits while `waits` is true.
    pub fn wait_while(&mut self, waits: impl Fn(&Memory) -> bool) -> Result<(), Failed> {
        self.kernel.changed.notify_all();
        while !self.stopping && waits(self) {
            let memory = self.memory.take().expect("only waiting takes it");
            let memory = self.kernel.changed.wait(memory);
            self.memory = Some(memory.unwrap_or_else(PoisonError::into_inner));
        }
        self.still_running()
    }

    pub fn pause(&mut self, time: Duration) -> Result<(), Failed> {
        self.kernel.changed.notify_all();
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now())
            && !left.is_zero()
            && !self.stopping
        {
            let memory = self.memory.take().expect("only waiting takes it");
            let waited = self.kernel.changed.wait_timeout(memory, left);
            self.memory = Some(waited.unwrap_or_else(PoisonError::into_inner).0);
        }
        self.still_running()
    }

    fn still_running(&self) -> Result<(), Failed> {
        if self.stopping {
            return Err(Failed::Unanswered);
        }
        Ok(())
    }

    pub fn device(&self, address: &str) -> Result<&Device, Errno> {
        self.devices.get(address).ok_or(Errno::ENODEV)
    }

    /// The function, if it still has this serial number.
    pub fn same(&mut self, address: &str, serial: u64) -> Option<&mut Device> {
        self.devices
            .get_mut(address)
            .filter(|device| device.serial == serial)
    }

    /// Runs `work` under the device lock, in the order of the requests. ENODEV if the function
    /// disappeared during the wait.
    pub fn locked<T>(
        &mut self,
        address: &str,
        work: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let Device { serial, lock, .. } = self.devices.get_mut(address).ok_or(Errno::ENODEV)?;
        let (serial, place) = (*serial, lock.queue());
        let is_before_us = |memory: &Memory| {
            let device = memory.devices.get(address);
            device.is_some_and(|device| device.serial == serial && device.lock.turn != place)
        };
        self.wait_while(is_before_us)?;
        self.same(address, serial).ok_or(Errno::ENODEV)?;
        let done = work(self);
        if let Some(device) = self.same(address, serial) {
            device.lock.turn += 1;
        }
        done
    }

    pub fn driver(&self, name: &str) -> Option<&Driver> {
        self.drivers
            .iter()
            .find(|driver| driver.name == name && driver.registered)
    }
}
