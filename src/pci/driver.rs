//! The name of a kernel driver, as sysfs spells it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::escape::Excerpt;

/// The longest file name (`NAME_MAX`): a driver has a directory of its name.
const BYTES_MAX: usize = 255;

/// The name of a driver: that of its directory below `/sys/bus/pci/drivers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DriverName(String);

/// A text that is not a driver name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} is not a driver name such as vfio-pci", Excerpt(.0))]
pub struct DriverNameError(String);

impl DriverName {
    /// The default stub driver.
    pub fn vfio_pci() -> Self {
        Self("vfio-pci".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DriverName {
    type Err = DriverNameError;

    fn from_str(text: &str) -> Result<Self, DriverNameError> {
        let is_name = !matches!(text, "" | "." | ".." | "(null)")
            && text.len() <= BYTES_MAX
            && !text.contains('/')
            && !text.contains(char::is_control);
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| DriverNameError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_name_is_a_valid_directory_name() {
        for text in ["nvidia", "snd_hda_intel", "i2c-designware-pci", "a driver"] {
            assert_eq!(
                text.parse::<DriverName>().as_ref().map(DriverName::as_str),
                Ok(text)
            );
        }
        let long = "a".repeat(256);
        for text in ["", ".", "..", "a/b", "a\n", "a\0", "(null)", &long] {
            assert!(text.parse::<DriverName>().is_err(), "{text:?}");
        }
    }
}
