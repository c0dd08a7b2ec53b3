//! Collects the facts for `gpupci check`, as plain values. The files may be anything, so only regular
//! files are read, and only up to a limit.

mod boot;
mod boot_image;
mod card;
mod modules;
mod platform;
mod system;

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;

use crate::binding::Stub;
use crate::host::Machine;
use crate::paths::LOADED_MODULES;
use crate::pci::PciAddress;
use crate::readiness::FunctionFacts;

impl Machine {
    /// The facts of every PCI function; none if the bus cannot be listed.
    pub fn function_facts(&self) -> Vec<FunctionFacts> {
        let mut functions = self.functions().unwrap_or_default();
        functions.sort_by_key(|function| function.address);
        let facts = functions.into_iter().map(|function| {
            let address = function.address;
            let binding = self.binding(address, &Stub::Auto);
            FunctionFacts {
                address,
                identity: self.identity(address).ok().flatten(),
                driver: self.driver(address).ok().flatten(),
                is_vfio: binding.is_ok_and(|binding| binding.is_vfio),
                is_boot_display: function.class.is_display() && self.is_boot_display(address),
            }
        });
        facts.collect()
    }

    /// Whether the host's first screen is on this display function: the firmware's, or the kernel's console.
    fn is_boot_display(&self, function: PciAddress) -> bool {
        self.sysfs_attribute(function, "boot_vga").as_deref() == Some("1")
            || self.console(function).is_some()
            || self.firmware_framebuffer(function).is_some()
    }

    /// The bytes of a regular file of at most `limit` bytes.
    pub(in crate::host) fn read_limited(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.read_start(path, limit + 1)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::other(format!("it is larger than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// At most `limit` bytes of a regular file.
    pub(in crate::host) fn read_start(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        // Without O_NONBLOCK, to open a pipe would wait for a writer.
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(self.path(path))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The beginning of a regular file, as text; empty if there is none.
    pub(in crate::host) fn read_start_as_text(&self, path: &str, limit: u64) -> String {
        let bytes = self.read_start(path, limit).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether a parameter of a module is on.
    fn is_parameter_on(&self, module: &str, parameter: &str) -> bool {
        self.switch(module, parameter) == Some(true)
    }

    /// The value of a switch of a module; `None` if the module is not loaded, or has no such switch.
    fn switch(&self, module: &str, parameter: &str) -> Option<bool> {
        let path = format!("{LOADED_MODULES}/{module}/parameters/{parameter}");
        match self.read_start_as_text(&path, 16).trim() {
            "Y" => Some(true),
            "N" => Some(false),
            _ => None,
        }
    }
}
