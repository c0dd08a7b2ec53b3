//! One write to the kernel.

use std::fmt;

use crate::paths::{PCI_DEVICES, PCI_DRIVERS, PCI_DRIVERS_PROBE};
use crate::pci::{DriverName, PciAddress};

/// One write to sysfs that changes how a function is bound (`Documentation/ABI/testing/sysfs-bus-pci`).
/// `new_id` is never written: it would bind every card of the same model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Sets the only driver that may bind the function. `None` removes the restriction.
    Override {
        /// The function.
        function: PciAddress,
        /// The name of the driver, or any text that an administrator set.
        name: Option<String>,
    },
    /// Unbinds the function from this driver.
    Unbind {
        /// The function.
        function: PciAddress,
        /// Its driver.
        driver: DriverName,
    },
    /// Makes the kernel look for a driver.
    Probe {
        /// The function.
        function: PciAddress,
    },
    /// Binds the function to this driver.
    Bind {
        /// The function.
        function: PciAddress,
        /// The driver.
        driver: DriverName,
    },
}

impl Step {
    /// The function that changes.
    pub fn function(&self) -> PciAddress {
        match self {
            Self::Override { function, .. }
            | Self::Unbind { function, .. }
            | Self::Probe { function }
            | Self::Bind { function, .. } => *function,
        }
    }

    /// The file that is written.
    pub fn path(&self) -> String {
        match self {
            Self::Override { function, .. } => format!("{PCI_DEVICES}/{function}/driver_override"),
            Self::Unbind { driver, .. } => format!("{PCI_DRIVERS}/{driver}/unbind"),
            Self::Probe { .. } => PCI_DRIVERS_PROBE.to_owned(),
            Self::Bind { driver, .. } => format!("{PCI_DRIVERS}/{driver}/bind"),
        }
    }

    /// What is written. A newline clears an override; an empty write would not reach the kernel.
    pub fn value(&self) -> String {
        match self {
            Self::Override { name, .. } => format!("{}\n", name.as_deref().unwrap_or_default()),
            step => step.function().to_string(),
        }
    }
}

impl fmt::Display for Step {
    /// `path <- value`, as `--dry-run` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value();
        let shown = match value.strip_suffix('\n') {
            Some(text) if !text.is_empty() => text,
            _ => &value,
        };
        write!(f, "{} <- {}", self.path(), shown.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn step_prints_the_write_it_performs() {
        let function = "0000:02:00.0".parse().expect("an address");
        let driver: DriverName = "nvidia".parse().expect("a name");
        let stub = Some("vfio-pci".to_owned());
        let shown = [
            Step::Override {
                function,
                name: stub,
            },
            Step::Unbind {
                function,
                driver: driver.clone(),
            },
            Step::Probe { function },
            Step::Override {
                function,
                name: None,
            },
            Step::Bind { function, driver },
        ]
        .map(|step| step.to_string());
        assert_eq!(
            shown,
            [
                "/sys/bus/pci/devices/0000:02:00.0/driver_override <- vfio-pci",
                "/sys/bus/pci/drivers/nvidia/unbind <- 0000:02:00.0",
                "/sys/bus/pci/drivers_probe <- 0000:02:00.0",
                "/sys/bus/pci/devices/0000:02:00.0/driver_override <- \\n",
                "/sys/bus/pci/drivers/nvidia/bind <- 0000:02:00.0",
            ]
        );
    }
}
