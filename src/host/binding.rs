//! The bindings of functions, from sysfs.

use std::fs;
use std::io;

use nix::errno::Errno;

use crate::binding::{Binding, Stub};
use crate::host::sysfs::{SysfsError, attribute};
use crate::host::{Machine, is_gone};
use crate::paths::{MDEV_DEVICES, PCI_DEVICES, PCI_DRIVERS, VFIO_CORE};
use crate::pci::{
    ClassCode, DriverName, Identity, IommuGroup, PciAddress, PciSlot, VendorId, id_from_sysfs,
};
use crate::uuid::MediatedUuid;

impl Machine {
    /// The binding of `function`, if the settings choose `stub`. It is without its driver override,
    /// because to read that can block.
    ///
    /// # Errors
    /// If the function is gone, or sysfs cannot be read.
    pub fn binding(&self, function: PciAddress, stub: &Stub) -> Result<Binding, SysfsError> {
        let driver = self.driver(function)?;
        let gone = || SysfsError::Read {
            path: self.attribute(function, "class"),
            source: Errno::ENODEV.into(),
        };
        let module = driver.as_ref().and_then(|_| self.module(function));
        Ok(Binding {
            function,
            class: self.class(function)?.ok_or_else(gone)?,
            is_vfio: self.is_on_vfio(function, driver.as_ref(), module.as_deref()),
            module,
            driver,
            driver_override: None,
            stub: stub.driver(),
        })
    }

    /// The driver that `function` is bound to; `None` if it has none or is being unbound.
    ///
    /// # Errors
    /// If the function is gone, or sysfs cannot be read.
    pub fn driver(&self, function: PciAddress) -> Result<Option<DriverName>, SysfsError> {
        let name = self.link_name(function, "driver")?;
        let path = || self.path(format!("{PCI_DEVICES}/{function}/driver"));
        name.map(|name| {
            name.parse().map_err(|_| SysfsError::Content {
                path: path(),
                content: name,
            })
        })
        .transpose()
    }

    /// Whether `slot` has a function.
    pub fn has_slot(&self, slot: PciSlot) -> bool {
        let prefix = format!("{slot}.");
        let names = self.children(PCI_DEVICES);
        names.iter().any(|name| name.starts_with(&prefix))
    }

    /// The module of the driver of `function`; `None` if the driver is built in.
    pub fn module(&self, function: PciAddress) -> Option<String> {
        self.link_name(function, "driver/module").ok().flatten()
    }

    /// The IOMMU group of `function`; `None` if it is in none.
    ///
    /// # Errors
    /// If the function is gone, or sysfs cannot be read.
    pub fn iommu_group(&self, function: PciAddress) -> Result<Option<IommuGroup>, SysfsError> {
        let name = self.link_name(function, "iommu_group")?;
        let path = || self.path(format!("{PCI_DEVICES}/{function}/iommu_group"));
        name.map(|name| {
            name.parse().map_err(|()| SysfsError::Content {
                path: path(),
                content: name,
            })
        })
        .transpose()
    }

    /// Whether `function` is bound to a VFIO driver. All of them create `vfio-dev` since Linux 6.1. Before,
    /// vfio-pci is known by its name, and a variant of it by its module, which uses that of vfio-pci.
    fn is_on_vfio(
        &self,
        function: PciAddress,
        driver: Option<&DriverName>,
        module: Option<&str>,
    ) -> bool {
        let exists = |path: String| self.path(path).symlink_metadata().is_ok();
        exists(format!("{PCI_DEVICES}/{function}/vfio-dev"))
            || driver == Some(&DriverName::vfio_pci())
            || module.is_some_and(|module| exists(format!("{VFIO_CORE}/holders/{module}")))
    }

    /// Whether this driver is registered.
    pub fn has_driver(&self, driver: &DriverName) -> bool {
        self.exists(&format!("{PCI_DRIVERS}/{driver}"))
    }

    /// Whether the kernel supports a driver override for `function`.
    pub fn has_override(&self, function: PciAddress) -> bool {
        self.exists(&format!("{PCI_DEVICES}/{function}/driver_override"))
    }

    /// The class of `function`; `None` if it has gone.
    ///
    /// # Errors
    /// If sysfs cannot be read.
    pub fn class(&self, function: PciAddress) -> Result<Option<ClassCode>, SysfsError> {
        attribute(&self.attribute(function, "class"), ClassCode::from_sysfs)
    }

    /// The ids of `function`; `None` if it has gone.
    ///
    /// # Errors
    /// If sysfs cannot be read.
    pub fn identity(&self, function: PciAddress) -> Result<Option<Identity>, SysfsError> {
        let vendor = attribute(&self.attribute(function, "vendor"), VendorId::from_sysfs)?;
        let number = |name| attribute(&self.attribute(function, name), id_from_sysfs);
        let device = number("device")?;
        let subsystem = number("subsystem_vendor")?.zip(number("subsystem_device")?);
        Ok(vendor.zip(device).map(|(vendor, device)| Identity {
            vendor,
            device,
            subsystem: subsystem.filter(|ids| *ids != (0, 0)),
        }))
    }

    /// An optional attribute of `function`: `boot_vga`, `numa_node`, `power_state`. Not to be used for
    /// one that wakes a sleeping card (`config`, link speeds, `resourceN_resize`) or waits for the
    /// device lock (`driver_override`, `sriov_numvfs`).
    pub fn sysfs_attribute(&self, function: PciAddress, name: &str) -> Option<String> {
        let text = self.text(&format!("{PCI_DEVICES}/{function}/{name}"))?;
        Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
    }

    /// The mediated devices of `function`.
    pub fn mediated_devices(&self, function: PciAddress) -> Vec<MediatedUuid> {
        let uuids = self.children(MDEV_DEVICES).into_iter();
        uuids
            .filter(|uuid| self.is_below(function, &format!("{MDEV_DEVICES}/{uuid}")))
            .filter_map(|uuid| uuid.parse().ok())
            .collect()
    }

    /// Whether the device behind `link` is below `function`: a link of sysfs names all parents.
    pub(super) fn is_below(&self, function: PciAddress, link: &str) -> bool {
        let name = function.to_string();
        let target = fs::read_link(self.path(link));
        target.is_ok_and(|target| target.iter().any(|part| part == name.as_str()))
    }

    fn attribute(&self, function: PciAddress, name: &str) -> std::path::PathBuf {
        self.path(format!("{PCI_DEVICES}/{function}/{name}"))
    }

    /// The last part of the target of a link of `function`; `None` if there is no such link.
    pub(super) fn link_name(
        &self,
        function: PciAddress,
        name: &str,
    ) -> Result<Option<String>, SysfsError> {
        let path = self.attribute(function, name);
        match fs::read_link(&path) {
            Ok(target) => {
                let name = target.file_name().and_then(|name| name.to_str());
                name.map(|name| Some(name.to_owned()))
                    .ok_or_else(|| SysfsError::Content {
                        path,
                        content: target.to_string_lossy().into_owned(),
                    })
            }
            // If the directory has gone too, so has the function: that is an error.
            Err(error) if is_gone(&error) => {
                match self.path(PCI_DEVICES).join(function.to_string()).metadata() {
                    Ok(_) => Ok(None),
                    Err(source) => Err(SysfsError::Read { path, source }),
                }
            }
            Err(source) => Err(SysfsError::Read { path, source }),
        }
    }
}

impl From<SysfsError> for io::Error {
    fn from(error: SysfsError) -> Self {
        match error {
            SysfsError::List { source, .. } | SysfsError::Read { source, .. } => source,
            SysfsError::Content { .. } => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}
