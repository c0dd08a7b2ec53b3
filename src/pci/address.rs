//! PCI addresses (`0000:83:00.1`), in every spelling that people and programs use.

use std::fmt;
use std::num::ParseIntError;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

use crate::escape::Excerpt;

const BUS_MAX: u32 = 0xff;
const SLOT_MAX: u32 = 0x1f;
const FUNCTION_MAX: u32 = 7;

/// The address of one PCI function, printed as sysfs names it: `0000:83:00.1`
/// (domain:bus:slot.function in hexadecimal; a domain has up to 32 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    domain: u32,
    bus: u8,
    slot: u8,
    function: u8,
}

/// The slot that holds a card: an address without its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciSlot {
    domain: u32,
    bus: u8,
    slot: u8,
}

/// Why a text is not a PCI address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text has another form, or a number out of PCI's range.
    #[error("{} is not a PCI address such as 0000:02:00.0 or pci_0000_02_00_0", Excerpt(.0))]
    Spelling(String),
    /// An attribute of libvirt's `<address>` is not a number that libvirt reads.
    #[error("{attribute}={} in <address> is not a number from 0 to {limit:#x}", Excerpt(.value))]
    Attribute {
        /// `domain`, `bus`, `slot` or `function`.
        attribute: &'static str,
        /// Its value.
        value: String,
        /// The largest number that it may have.
        limit: u32,
    },
}

impl PciAddress {
    /// The address with these numbers; `None` when one is out of PCI's range.
    pub fn new(domain: u32, bus: u32, slot: u32, function: u32) -> Option<Self> {
        let fits = bus <= BUS_MAX && slot <= SLOT_MAX && function <= FUNCTION_MAX;
        fits.then_some(Self {
            domain,
            bus: bus as u8,
            slot: slot as u8,
            function: function as u8,
        })
    }

    /// The address that libvirt reads from the attributes of an `<address>`, where a missing
    /// attribute is 0 and `010` is octal.
    ///
    /// # Errors
    /// The first attribute that libvirt would reject, with its limit.
    pub fn from_libvirt(
        domain: Option<&str>,
        bus: Option<&str>,
        slot: Option<&str>,
        function: Option<&str>,
    ) -> Result<Self, AddressError> {
        Ok(Self {
            domain: attribute("domain", domain, u32::MAX)?,
            bus: attribute("bus", bus, BUS_MAX)? as u8,
            slot: attribute("slot", slot, SLOT_MAX)? as u8,
            function: attribute("function", function, FUNCTION_MAX)? as u8,
        })
    }

    /// The address that QEMU reads from `host=`: `[domain:]bus:slot.function`. All but the function are
    /// hexadecimal, with any number of digits, as `strtoul` reads them
    /// (`hw/core/qdev-properties-system.c`).
    pub fn from_qemu(text: &str) -> Option<Self> {
        let (place, function) = text.split_once('.')?;
        let (domain, bus, slot) = match parts(place, ':') {
            Some([domain, bus, slot]) => (domain, bus, slot),
            None => {
                let [bus, slot] = parts(place, ':')?;
                ("0", bus, slot)
            }
        };
        let [domain, bus, slot] = [domain, bus, slot].map(|digits| c_number(digits, 16));
        Self::new(domain?, bus?, slot?, c_number(function, 10)?)
    }

    /// The PCI domain (segment), 32 bits wide behind Intel VMD.
    pub fn domain(self) -> u32 {
        self.domain
    }

    /// The bus number.
    pub fn bus(self) -> u8 {
        self.bus
    }

    /// The slot (device) number, at most 0x1f.
    pub fn slot_number(self) -> u8 {
        self.slot
    }

    /// The function number, at most 7.
    pub fn function(self) -> u8 {
        self.function
    }

    /// The slot that this function is part of.
    pub fn slot(self) -> PciSlot {
        PciSlot {
            domain: self.domain,
            bus: self.bus,
            slot: self.slot,
        }
    }

    /// libvirt's name of the node device, which is also how Rocks' attributes hold an address:
    /// `pci_0000_02_00_0`.
    pub fn node_device(self) -> NodeDevice {
        NodeDevice(self)
    }
}

impl PciSlot {
    /// Function `number` of this slot; `None` above 7.
    pub fn function(self, number: u8) -> Option<PciAddress> {
        PciAddress::new(
            self.domain,
            self.bus.into(),
            self.slot.into(),
            number.into(),
        )
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.function)
    }
}

impl fmt::Display for PciSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}", self.domain, self.bus, self.slot)
    }
}

/// An address that prints as libvirt's node device name.
#[derive(Clone, Copy, Debug)]
pub struct NodeDevice(PciAddress);

impl fmt::Display for NodeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PciAddress {
            domain,
            bus,
            slot,
            function,
        } = self.0;
        write!(f, "pci_{domain:04x}_{bus:02x}_{slot:02x}_{function}")
    }
}

impl FromStr for PciAddress {
    type Err = AddressError;

    /// Reads `0000:02:00.1`, `02:00.1`, `0000:02:00`, `02:00` (function 0) and
    /// `pci_0000_02_00_1`, in upper or lower case, with 4 to 8 digits of domain.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse_node_device(text)
            .or_else(|| parse_sysfs(text))
            .ok_or_else(|| AddressError::Spelling(text.to_owned()))
    }
}

/// A number as C's `strtoul` reads it into 32 bits: after blanks and a sign, in base 16 also after `0x`. Only
/// the low 32 bits count, and a minus negates them.
fn c_number(text: &str, base: u32) -> Option<u32> {
    let unsigned = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (is_negative, digits) = match unsigned.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, unsigned.strip_prefix('+').unwrap_or(unsigned)),
    };
    let prefixed = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let digits = prefixed.filter(|_| base == 16).unwrap_or(digits);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    // strtoul ends at its largest number.
    let number = u64::from_str_radix(digits, base).unwrap_or(u64::MAX);
    let number = if is_negative {
        number.wrapping_neg()
    } else {
        number
    };
    Some(number as u32)
}

fn parse_node_device(text: &str) -> Option<PciAddress> {
    let (prefix, rest) = text.split_at_checked(4)?;
    if !prefix.eq_ignore_ascii_case("pci_") {
        return None;
    }
    let [domain, bus, slot, function] = parts(rest, '_')?;
    numbers(domain, bus, slot, function)
}

fn parse_sysfs(text: &str) -> Option<PciAddress> {
    let (place, function) = text.split_once('.').unwrap_or((text, "0"));
    match parts(place, ':') {
        Some([domain, bus, slot]) => numbers(domain, bus, slot, function),
        None => {
            let [bus, slot] = parts(place, ':')?;
            numbers("0000", bus, slot, function)
        }
    }
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn numbers(domain: &str, bus: &str, slot: &str, function: &str) -> Option<PciAddress> {
    PciAddress::new(
        hex(domain, 4..=8)?,
        hex(bus, 2..=2)?,
        hex(slot, 2..=2)?,
        hex(function, 1..=1)?,
    )
}

fn hex(digits: &str, length: RangeInclusive<usize>) -> Option<u32> {
    let plain = length.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

fn attribute(name: &'static str, value: Option<&str>, limit: u32) -> Result<u32, AddressError> {
    let Some(text) = value else { return Ok(0) };
    libvirt_number(text)
        .ok()
        .filter(|number| *number <= limit)
        .ok_or_else(|| AddressError::Attribute {
            attribute: name,
            value: text.to_owned(),
            limit,
        })
}

/// A number in domain XML, read as libvirt does (`strtoul` with base 0): `0x1f`, `31`, and `037`,
/// which is octal. Blanks and one `+` may precede it, nothing may follow.
///
/// # Errors
/// If libvirt would not read the whole text, or the number needs more than 32 bits.
pub fn libvirt_number(text: &str) -> Result<u32, ParseIntError> {
    let unsigned = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let digits = unsigned.strip_prefix('+').unwrap_or(unsigned);
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // Rust would accept a second sign here; libvirt does not.
    let digits = if digits.starts_with('+') { "" } else { digits };
    u32::from_str_radix(digits, radix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn any_address() -> impl Strategy<Value = PciAddress> {
        (any::<u32>(), 0..=BUS_MAX, 0..=SLOT_MAX, 0..=FUNCTION_MAX).prop_map(|(d, b, s, f)| {
            PciAddress {
                domain: d,
                bus: b as u8,
                slot: s as u8,
                function: f as u8,
            }
        })
    }

    fn read(text: &str) -> String {
        match text.parse::<PciAddress>() {
            Ok(address) => address.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_spelling_is_parsed() {
        for text in [
            "0000:83:1f.7",
            "83:1f.7",
            "pci_0000_83_1f_7",
            "PCI_0000_83_1F_7",
            "00000000:83:1F.7",
        ] {
            assert_eq!(read(text), "0000:83:1f.7", "{text}");
        }
        assert_eq!(read("0000:02:00"), "0000:02:00.0");
        assert_eq!(read("02:00"), "0000:02:00.0");
        assert_eq!(read("10000:e1:00.0"), "10000:e1:00.0");
        assert_eq!(read("pci_ffffffff_00_00_0"), "ffffffff:00:00.0");
    }

    #[test]
    fn error_quotes_the_text_that_is_no_address() {
        for text in [
            "",
            "gpupci1",
            "2:0.0",
            "02:00.8",
            "02:20.0",
            "100:02:00.0",
            "000000001:02:00.0",
            "pci_0000_02_00",
            "pci_0000_02_00_0_1",
            "xxx_0000_02_00_0",
            "+2:00.0",
            "02:00.0 ",
            "02:00.0\n",
            "0000:02:00.00",
            "pci_0000:02:00.0",
            "02.00.0",
            "é2:00.0",
        ] {
            assert!(text.parse::<PciAddress>().is_err(), "{text:?}");
        }
        assert_eq!(
            read("2:0"),
            "\"2:0\" is not a PCI address such as 0000:02:00.0 or pci_0000_02_00_0"
        );
    }

    #[test]
    fn libvirt_numbers_may_be_decimal_octal_or_hexadecimal() {
        for (text, number) in [
            ("2", 2),
            ("0x1f", 31),
            ("0X1F", 31),
            ("010", 8),
            ("0", 0),
            ("00", 0),
            (" \t+7", 7),
            ("0xffffffff", u32::MAX),
            ("4294967295", u32::MAX),
        ] {
            assert_eq!(libvirt_number(text), Ok(number), "{text:?}");
        }
        for text in [
            "",
            " ",
            "1f",
            "08",
            "0x",
            "-1",
            "2 ",
            "++2",
            "0x+2",
            "0+7",
            "4294967296",
            "0b1",
            "١",
        ] {
            assert!(libvirt_number(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn qemu_addresses_may_have_any_number_of_digits() {
        for (text, address) in [
            ("02:00.1", "0000:02:00.1"),
            ("2:0.1", "0000:02:00.1"),
            ("0:2:0.1", "0000:02:00.1"),
            (" 02:00.1", "0000:02:00.1"),
            ("0X02:0X00.1", "0000:02:00.1"),
            ("0x10000:0x02:0x1F.7", "10000:02:1f.7"),
            ("2:0.0", "0000:02:00.0"),
            ("0x2:0.0", "0000:02:00.0"),
            ("+2:+0.+1", "0000:02:00.1"),
            ("-0:2:\t0. 01", "0000:02:00.1"),
            // Only 32 bits of a number count.
            ("100000002:0.1", "0000:02:00.1"),
            ("-fffffffffffffffe:0.1", "0000:02:00.1"),
        ] {
            let read = PciAddress::from_qemu(text).map(|read| read.to_string());
            assert_eq!(read.as_deref(), Some(address), "{text}");
        }
        for text in [
            "",
            "02:00",
            "2.0",
            "02:00.8",
            "02:20.0",
            "100:00.0",
            "a:b:c:d.0",
            "02:00.x",
            "02:00.0x1",
            "02:00.1,",
            "0x+2:00.1",
            "+-2:00.1",
            "0x:00.1",
            "-2:00.1",
            "02 :00.1",
        ] {
            assert_eq!(PciAddress::from_qemu(text), None, "{text}");
        }
    }

    #[test]
    fn error_names_the_attribute_out_of_range_and_its_limit() {
        let error = PciAddress::from_libvirt(None, Some("0x02"), Some("0x20"), None);
        assert_eq!(
            error.map_err(|e| e.to_string()),
            Err("slot=\"0x20\" in <address> is not a number from 0 to 0x1f".to_owned())
        );
    }

    proptest! {
        #[test]
        fn printed_address_parses_to_the_same_address(address in any_address()) {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
            prop_assert_eq!(address.node_device().to_string().parse(), Ok(address));
            prop_assert_eq!(address.to_string().to_uppercase().parse(), Ok(address));
            prop_assert_eq!(address.slot().function(address.function), Some(address));
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in "\\PC*") {
            let _ = text.parse::<PciAddress>();
            let _ = libvirt_number(&text);
        }

        #[test]
        fn parsing_text_like_an_address_does_not_panic(text in "[pPcCiI_:.0-9a-fA-Fx+é ]{0,24}") {
            if let Ok(address) = text.parse::<PciAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
            let _ = libvirt_number(&text);
        }
    }
}
