//! PCI vendor ids.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The 16-bit vendor id of a function, printed as people write it: `10de`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VendorId(u16);

/// A text that is not a vendor id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a PCI vendor id: expected four hexadecimal digits, such as 10de")]
pub struct IdError(String);

impl VendorId {
    /// NVIDIA, the default.
    pub const NVIDIA: Self = Self(0x10de);

    /// Intel.
    pub const INTEL: Self = Self(0x8086);

    /// Reads sysfs' spelling, `0x10de`, without its newline.
    pub fn from_sysfs(text: &str) -> Option<Self> {
        text.strip_prefix("0x")?.parse().ok()
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

    fn from_str(text: &str) -> Result<Self, IdError> {
        let plain = text.len() == 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        plain
            .then(|| u16::from_str_radix(text, 16).ok().map(Self))
            .flatten()
            .ok_or_else(|| IdError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn vendor_id_has_four_hexadecimal_digits() {
        assert_eq!("10DE".parse(), Ok(VendorId::NVIDIA));
        assert_eq!(VendorId::from_sysfs("0x10de"), Some(VendorId::NVIDIA));
        for text in ["", "10d", "10de:", "0x10de", "+0de"] {
            assert!(text.parse::<VendorId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_vendor_id_parses_to_the_same_id(id in any::<u16>()) {
            prop_assert_eq!(VendorId(id).to_string().parse(), Ok(VendorId(id)));
        }
    }
}
