//! Reads PCI functions from sysfs, and only attributes that do not wake a sleeping card
//! (`Documentation/ABI/testing/sysfs-bus-pci`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, str};

use thiserror::Error;

use crate::failure::{Code, Failure, remedy};
use crate::gpu::{GpuCard, PciFunction, cards_of};
use crate::host::{Machine, is_gone};
use crate::paths::PCI_DEVICES;
use crate::pci::{ClassCode, PciAddress, PciSlot, VendorId};

/// For more slots than a guest ever has, listing all functions is faster than trying each address.
const LISTED_SLOTS: usize = 64;

/// Why the functions of a host cannot be read.
#[derive(Debug, Error)]
pub enum SysfsError {
    /// The directory of all functions cannot be listed.
    #[error("cannot list {path}")]
    List {
        /// The directory.
        path: PathBuf,
        /// The error of the kernel.
        source: io::Error,
    },
    /// An attribute that every function has cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The attribute.
        path: PathBuf,
        /// The error of the kernel.
        source: io::Error,
    },
    /// An attribute has a value that the kernel never writes.
    #[error("{path} contains an unexpected value: {content:?}")]
    Content {
        /// The attribute.
        path: PathBuf,
        /// Its value.
        content: String,
    },
}

impl SysfsError {
    /// Whether the function was removed meanwhile.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Read { source, .. } if is_gone(source))
    }
}

impl Failure for SysfsError {
    fn codes(&self) -> Vec<Code> {
        vec![Code::Sysfs]
    }

    fn remedies(&self) -> Vec<String> {
        vec![remedy::SYSFS.to_owned()]
    }
}

impl Machine {
    /// The cards of this machine. Those of `vendors` count.
    ///
    /// # Errors
    /// If sysfs cannot be read. A function that vanishes in the meantime is left out.
    pub fn cards(&self, vendors: &[VendorId]) -> Result<Vec<GpuCard>, SysfsError> {
        Ok(cards_of(self.functions()?, vendors))
    }

    /// Every PCI function of this machine, unsorted.
    ///
    /// # Errors
    /// If sysfs cannot be read. A function that vanishes in the meantime is left out.
    pub fn functions(&self) -> Result<Vec<PciFunction>, SysfsError> {
        let path = self.path(PCI_DEVICES);
        let list = |source| SysfsError::List {
            path: path.clone(),
            source,
        };
        let mut functions = Vec::new();
        for entry in fs::read_dir(&path).map_err(list)? {
            functions.extend(function(&entry.map_err(list)?.path())?);
        }
        Ok(functions)
    }

    /// Whether `function` is an SR-IOV virtual function.
    pub(super) fn is_virtual(&self, function: PciAddress) -> Result<bool, SysfsError> {
        has_link(&self.path(format!("{PCI_DEVICES}/{function}/physfn")))
    }

    /// The PCI functions in `slots`, unsorted.
    ///
    /// # Errors
    /// If sysfs cannot be read. A function that vanishes in the meantime is left out.
    pub fn functions_in(&self, slots: &BTreeSet<PciSlot>) -> Result<Vec<PciFunction>, SysfsError> {
        if slots.len() > LISTED_SLOTS {
            let mut functions = self.functions()?;
            functions.retain(|function| slots.contains(&function.address.slot()));
            return Ok(functions);
        }
        let mut functions = Vec::new();
        for slot in slots {
            for address in (0..=7).filter_map(|number| slot.function(number)) {
                let directory = self.path(format!("{PCI_DEVICES}/{address}"));
                functions.extend(function_at(address, &directory)?);
            }
        }
        Ok(functions)
    }
}

/// The function of this directory; `None` if it is not a function or has gone.
fn function(directory: &Path) -> Result<Option<PciFunction>, SysfsError> {
    let name = directory.file_name().and_then(|name| name.to_str());
    let address: Option<PciAddress> = name.and_then(|name| name.parse().ok());
    // The kernel uses one spelling only; other spellings are not names of devices.
    let Some(address) = address.filter(|address| Some(&*address.to_string()) == name) else {
        return Ok(None);
    };
    function_at(address, directory)
}

/// The function at `address`; `None` if it has gone.
fn function_at(address: PciAddress, directory: &Path) -> Result<Option<PciFunction>, SysfsError> {
    let Some(vendor) = attribute(&directory.join("vendor"), VendorId::from_sysfs)? else {
        return Ok(None);
    };
    let class = attribute(&directory.join("class"), ClassCode::from_sysfs)?;
    let is_virtual = has_link(&directory.join("physfn"))?;
    Ok(class.map(|class| PciFunction {
        address,
        vendor,
        class,
        is_virtual,
    }))
}

fn has_link(path: &Path) -> Result<bool, SysfsError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(source) => Err(SysfsError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The value of an attribute; `None` if its function has gone.
pub(super) fn attribute<T>(
    path: &Path,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, SysfsError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(source) => {
            return Err(SysfsError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let text = str::from_utf8(&bytes)
        .ok()
        .map(|text| text.strip_suffix('\n').unwrap_or(text));
    match text.and_then(parse) {
        Some(value) => Ok(Some(value)),
        None => Err(SysfsError::Content {
            path: path.to_owned(),
            content: String::from_utf8_lossy(&bytes).chars().take(40).collect(),
        }),
    }
}
