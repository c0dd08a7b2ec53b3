//! The UUIDs of guests and mediated devices: 36 characters in lower case, usable as file names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::escape::Excerpt;

/// A text that is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} is not a UUID such as c7a5fdbd-edaf-9455-926a-d65c16db1809", Excerpt(.0))]
pub struct UuidError(String);

/// The UUID of a guest. It does not change if the guest is renamed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestUuid(String);

/// The UUID of a mediated device: its name below `/sys/bus/mdev/devices`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediatedUuid(String);

impl GuestUuid {
    /// The text, as libvirt writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MediatedUuid {
    /// The text, as sysfs writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestUuid {
    type Err = UuidError;

    /// Reads what libvirt writes, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, UuidError> {
        let uuid = text.to_ascii_lowercase();
        match is_uuid(&uuid) {
            true => Ok(Self(uuid)),
            false => Err(UuidError(text.to_owned())),
        }
    }
}

impl FromStr for MediatedUuid {
    type Err = UuidError;

    /// Reads what libvirt reads (`virUUIDParse`): blanks around it and every hyphen are optional.
    fn from_str(text: &str) -> Result<Self, UuidError> {
        let mut digits = text.trim().to_ascii_lowercase().replace('-', "");
        for hyphen in [20, 16, 12, 8] {
            if digits.is_char_boundary(hyphen) {
                digits.insert(hyphen, '-');
            }
        }
        match is_uuid(&digits) {
            true => Ok(Self(digits)),
            false => Err(UuidError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for GuestUuid {
    type Error = UuidError;

    fn try_from(text: String) -> Result<Self, UuidError> {
        text.parse()
    }
}

impl From<GuestUuid> for String {
    fn from(uuid: GuestUuid) -> Self {
        uuid.0
    }
}

impl fmt::Display for GuestUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MediatedUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is a uuid as libvirt writes it.
fn is_uuid(text: &str) -> bool {
    let is_in_place = |(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_in_place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    const UUID: &str = "c7a5fdbd-edaf-9455-926a-d65c16db1809";

    #[test]
    fn the_uuid_of_a_guest_is_kept_in_lower_case() {
        let uuid: GuestUuid = UUID.to_uppercase().parse().expect("a uuid");
        assert_eq!(uuid.as_str(), UUID);
        assert_eq!(uuid.to_string(), UUID);
        let json = serde_json::to_string(&uuid).expect("JSON");
        assert_eq!(json, format!("\"{UUID}\""));
        assert_eq!(serde_json::from_str(&json).ok(), Some(uuid));
    }

    #[test]
    fn a_text_that_is_no_uuid_is_refused() {
        let path = "../../../../../../../../../../../etc/a";
        for text in [
            "",
            path,
            "c7a5fdbd",
            &UUID[1..],
            &format!("{UUID}0"),
            "g7a5fdbd-edaf-9455-926a-d65c16db1809",
        ] {
            let refusal = UuidError(text.to_owned());
            assert_eq!(text.parse::<GuestUuid>(), Err(refusal.clone()), "{text}");
            assert_eq!(text.parse::<MediatedUuid>(), Err(refusal), "{text}");
        }
        assert!("é".repeat(18).parse::<MediatedUuid>().is_err());
        assert!(UUID.replace('-', "").parse::<GuestUuid>().is_err());
        assert_eq!(
            UuidError("x".to_owned()).to_string(),
            "\"x\" is not a UUID such as c7a5fdbd-edaf-9455-926a-d65c16db1809"
        );
    }

    #[test]
    fn the_uuid_of_a_mediated_device_is_read_as_libvirt_does() {
        for text in [
            UUID.to_owned(),
            UUID.replace('-', ""),
            format!(" {} ", UUID.to_uppercase()),
        ] {
            let uuid = text.parse::<MediatedUuid>().map(|uuid| uuid.to_string());
            assert_eq!(uuid, Ok(UUID.to_owned()), "{text}");
        }
    }
}
