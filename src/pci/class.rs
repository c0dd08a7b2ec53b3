//! The PCI class code of a function.

/// The 24-bit class code of a function, as sysfs' `class` holds it (`0x030000` is a VGA controller;
/// PCI Code and ID Assignment Specification, 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassCode(u32);

impl ClassCode {
    /// Reads sysfs' spelling, `0x030000`, without its newline.
    pub fn from_sysfs(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?;
        let plain = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        plain
            .then(|| u32::from_str_radix(digits, 16).ok().map(Self))
            .flatten()
    }

    /// Whether this function makes a card: a display controller (VGA, 3D or other, base class 03), or a
    /// processing accelerator (base class 12), which is a card for computing without a display.
    pub fn is_display(self) -> bool {
        matches!(self.0 >> 16, 0x03 | 0x12)
    }

    /// Whether the configuration header is not the normal one: PCI to PCI (0604), CardBus (0607) and
    /// semi-transparent (0609) bridges. To read the header itself would wake a sleeping device. Host, ISA
    /// and other bridges have the normal header.
    pub fn has_bridge_header(self) -> bool {
        matches!(self.0 >> 8, 0x0604 | 0x0607 | 0x0609)
    }

    /// Whether this is the bridge between processor and PCI (0600).
    pub fn is_host_bridge(self) -> bool {
        self.0 >> 8 == 0x0600
    }

    /// Base class, subclass and programming interface.
    pub fn bytes(self) -> [u8; 3] {
        let [_, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }

    /// Whether this is a bridge of no defined kind: class 0680, as of NVIDIA's NVSwitches.
    pub fn is_other_bridge(self) -> bool {
        self.0 >> 8 == 0x0680
    }

    /// What `gpupci` calls a function of this class.
    pub fn kind(self) -> &'static str {
        match self.0 >> 8 {
            // Scripts look for the word `video` to find the function that makes the card.
            0x0300..=0x03ff | 0x1200..=0x12ff => "video",
            0x0401 | 0x0403 => "audio",
            0x0c03 => "usb",
            0x0700..=0x07ff | 0x0c80 => "serial",
            _ => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_follows_the_class_code() {
        for (class, word) in [
            ("0x030000", "video"),
            ("0x030200", "video"),
            ("0x038000", "video"),
            ("0x120000", "video"),
            ("0x040300", "audio"),
            ("0x0c0330", "usb"),
            ("0x0c8000", "serial"),
            ("0x070002", "serial"),
            ("0x060400", "other"),
        ] {
            assert_eq!(
                ClassCode::from_sysfs(class).map(ClassCode::kind),
                Some(word)
            );
        }
    }

    #[test]
    fn display_controllers_and_accelerators_make_a_card() {
        for (class, makes_a_card) in [
            ("0x030000", true),
            ("0x030200", true),
            ("0x038000", true),
            ("0x120000", true),
            ("0x020000", false),
            ("0x130000", false),
            ("0x040300", false),
        ] {
            let read = ClassCode::from_sysfs(class).map(ClassCode::is_display);
            assert_eq!(read, Some(makes_a_card), "{class}");
        }
    }

    #[test]
    fn malformed_class_codes_are_refused() {
        for text in [
            "",
            "030000",
            "0x",
            "0x1000000",
            "0x03000g",
            "0x+30200",
            "0x0030000",
            "0x3",
        ] {
            assert_eq!(ClassCode::from_sysfs(text), None, "{text}");
        }
    }
}
