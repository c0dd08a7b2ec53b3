//! Which product a function is: its vendor, device and subsystem ids.

use std::fmt;

use crate::pci::{ClassCode, VendorId};

/// The ids of a product. Two cards of the same model have the same ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The vendor of the chip.
    pub vendor: VendorId,
    /// The vendor's number for the chip, printed as four hexadecimal digits.
    pub device: u16,
    /// The vendor and the number of the board; some functions have none.
    pub subsystem: Option<(u16, u16)>,
}

impl Identity {
    /// The text by which the kernel finds the driver of a function with these ids and this class: sysfs'
    /// `modalias`.
    pub fn modalias(&self, class: ClassCode) -> String {
        let (vendor, device) = (self.vendor, self.device);
        let (board_vendor, board) = self.subsystem.unwrap_or_default();
        let [base, sub, interface] = class.bytes();
        format!(
            "pci:v{vendor:08X}d{device:08X}sv{board_vendor:08X}sd{board:08X}\
             bc{base:02X}sc{sub:02X}i{interface:02X}"
        )
    }
}

impl fmt::Display for Identity {
    /// The ids as `lspci -nn` prints them: `10de:1e87`, then those of the board: `(1043:8694)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:04x}", self.vendor, self.device)?;
        match self.subsystem {
            Some((vendor, device)) => write!(f, " ({vendor:04x}:{device:04x})"),
            None => Ok(()),
        }
    }
}

/// Reads a 16-bit id as sysfs spells it, `0x1e87`, without its newline.
pub fn id_from_sysfs(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0x")?;
    let plain = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn identity_is_printed_as_lspci_prints_it() {
        let mut card = Identity {
            vendor: VendorId::NVIDIA,
            device: 0x6de,
            subsystem: None,
        };
        assert_eq!(card.to_string(), "10de:06de");
        card.subsystem = Some((0x10de, 0x845));
        assert_eq!(card.to_string(), "10de:06de (10de:0845)");
    }

    #[test]
    fn modalias_is_that_of_sysfs() {
        let card = Identity {
            vendor: VendorId::NVIDIA,
            device: 0x1e87,
            subsystem: Some((0x1043, 0x8694)),
        };
        let class = ClassCode::from_sysfs("0x0c0330").expect("a class");
        assert_eq!(
            card.modalias(class),
            "pci:v000010DEd00001E87sv00001043sd00008694bc0Csc03i30"
        );
        let bare = Identity {
            subsystem: None,
            ..card
        };
        assert_eq!(
            bare.modalias(class),
            "pci:v000010DEd00001E87sv00000000sd00000000bc0Csc03i30"
        );
    }

    #[test]
    fn device_id_has_four_hexadecimal_digits() {
        assert_eq!(id_from_sysfs("0x1E87"), Some(0x1e87));
        for text in ["", "0x", "1e87", "0x1e8", "0x11e87", "0x+e87"] {
            assert_eq!(id_from_sysfs(text), None, "{text}");
        }
    }
}
