//! Vendors, by name and by PCI vendor id.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The vendors that have a name here.
const NAMES: [(&str, VendorId); 3] = [
    ("nvidia", VendorId::NVIDIA),
    ("amd", VendorId(0x1002)),
    ("intel", VendorId(0x8086)),
];
/// ASPEED and Matrox: their displays today are part of the management controllers of servers.
const MANAGEMENT: [VendorId; 2] = [VendorId(0x1a03), VendorId(0x102b)];

/// The 16-bit vendor id of a function, printed as people write it: `10de`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VendorId(u16);

/// A text that is not a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a vendor: expected nvidia, amd, intel, or a PCI vendor id of four hexadecimal \
     digits, such as 1002"
)]
pub struct IdError(String);

impl VendorId {
    /// NVIDIA, the default.
    pub const NVIDIA: Self = Self(0x10de);

    /// Intel.
    pub const INTEL: Self = Self(0x8086);

    /// Reads sysfs' spelling, `0x10de`, without its newline.
    pub fn from_sysfs(text: &str) -> Option<Self> {
        Self::from_digits(text.strip_prefix("0x")?)
    }

    /// Reads four hexadecimal digits: `10de`.
    pub fn from_digits(text: &str) -> Option<Self> {
        let plain = text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        plain
            .then(|| u16::from_str_radix(text, 16).ok().map(Self))
            .flatten()
    }

    /// Its name if it has one, else its id: the word for the settings.
    pub fn word(self) -> String {
        let known = NAMES.iter().find(|(_, vendor)| *vendor == self);
        known.map_or_else(|| self.to_string(), |(name, _)| (*name).to_owned())
    }

    /// Whether its displays are part of management controllers, which no guest gets.
    pub fn is_management(self) -> bool {
        MANAGEMENT.contains(&self)
    }
}

impl fmt::Display for VendorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl fmt::UpperHex for VendorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::UpperHex::fmt(&self.0, f)
    }
}

impl FromStr for VendorId {
    type Err = IdError;

    /// Reads a name, `nvidia`, `amd` or `intel`, or an id, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut names = NAMES.iter();
        let named = names.find(|(name, _)| text.eq_ignore_ascii_case(name));
        let vendor = named.map(|(_, vendor)| *vendor);
        vendor
            .or_else(|| Self::from_digits(text))
            .ok_or_else(|| IdError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn vendor_is_a_name_or_four_hexadecimal_digits() {
        for text in ["10DE", "10de", "nvidia", "NVIDIA"] {
            assert_eq!(text.parse(), Ok(VendorId::NVIDIA), "{text}");
        }
        assert_eq!("Amd".parse(), Ok(VendorId(0x1002)));
        assert_eq!("intel".parse(), Ok(VendorId(0x8086)));
        for text in [
            "", "10d", "10de:", "0x10de", "+0de", "ati", "nvidia ", "é0de",
        ] {
            assert!(text.parse::<VendorId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_kernel_writes_ids_and_no_names() {
        assert_eq!(VendorId::from_sysfs("0x10de"), Some(VendorId::NVIDIA));
        for text in ["10de", "0xamd", "0xnvidia", "nvidia"] {
            assert_eq!(VendorId::from_sysfs(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_vendor_id_parses_to_the_same_id(id in any::<u16>()) {
            prop_assert_eq!(VendorId(id).to_string().parse(), Ok(VendorId(id)));
            prop_assert_eq!(VendorId(id).word().parse(), Ok(VendorId(id)));
        }
    }
}
