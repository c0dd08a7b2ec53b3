//! The firmware's framebuffer (`efifb`, `simpledrm`, `vesafb`): a platform device, which does not say on which
//! card it is. The kernel's list of memory does.

use crate::host::Machine;
use crate::paths::{IO_MEMORY, PCI_DEVICES, PLATFORM_DEVICES};
use crate::pci::PciAddress;

/// The names of its range: of the device, and of its drivers.
const BOOT_NAMES: [&str; 8] = [
    "BOOTFB",
    "efifb",
    "vesafb",
    "simplefb",
    "simpledrm",
    "efidrm",
    "vesadrm",
    "ofdrm",
];

/// A range of addresses, with its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

impl Machine {
    /// The firmware's framebuffer if it is in the memory of `function`, such as `fb0`; `card0` if it is a DRM
    /// device only.
    pub(super) fn firmware_framebuffer(&self, function: PciAddress) -> Option<String> {
        let device = self.firmware_device()?;
        self.has_firmware_framebuffer(function).then_some(device)
    }

    /// The device of the firmware's framebuffer. Its name says what it is: `efi-framebuffer.0`,
    /// `simple-framebuffer.0`, `vesa-framebuffer.0`, and `efifb.0`, `vesafb.0` before Linux 3.12. A driver for the
    /// card removes it.
    fn firmware_device(&self) -> Option<String> {
        let mut names = self.children(PLATFORM_DEVICES).into_iter();
        names.find_map(|name| {
            if !name.contains("framebuffer") && !matches!(&*name, "efifb.0" | "vesafb.0") {
                return None;
            }
            let devices =
                |class: &str| self.children(&format!("{PLATFORM_DEVICES}/{name}/{class}"));
            let screens = devices("graphics").into_iter().chain(devices("drm"));
            let mut screens =
                screens.filter(|name| name.starts_with("fb") || name.starts_with("card"));
            screens.next()
        })
    }

    fn has_firmware_framebuffer(&self, function: PciAddress) -> bool {
        let memory = self.text(IO_MEMORY).unwrap_or_default();
        let boot = ranges_of(&memory, is_of_boot);
        let boot = boot.first();
        let is_in = |ranges: &[Range]| {
            boot.is_some_and(|boot| ranges.iter().any(|range| range.contains(*boot)))
        };
        let own = function.to_string();
        if is_in(&self.resources(function)) || is_in(&ranges_of(&memory, |name| name == own)) {
            return true;
        }
        let is_function = |name: &str| name.parse::<PciAddress>().is_ok();
        // Without the right to see addresses, the kernel shows zeros. And it may have moved the card's memory.
        !is_in(&ranges_of(&memory, is_function))
            && self.sysfs_attribute(function, "boot_vga").as_deref() == Some("1")
    }

    /// The memory of a function. To read this does not wake it.
    fn resources(&self, function: PciAddress) -> Vec<Range> {
        let text = self.text(&format!("{PCI_DEVICES}/{function}/resource"));
        let text = text.unwrap_or_default();
        let range = |line: &str| {
            let mut words = line.split(' ');
            let mut number = || {
                let digits = words.next()?.strip_prefix("0x")?;
                u64::from_str_radix(digits, 16).ok()
            };
            Range::new(number()?, number()?)
        };
        text.lines().filter_map(range).collect()
    }
}

impl Range {
    /// `None` for an empty one.
    fn new(first: u64, last: u64) -> Option<Self> {
        (last > first).then_some(Self { first, last })
    }

    fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

fn is_of_boot(name: &str) -> bool {
    BOOT_NAMES.contains(&name)
}

/// The ranges with a wanted name in `/proc/iomem`: `  d0000000-d02fffff : BOOTFB`.
fn ranges_of(memory: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<Range> {
    let range = |line: &str| {
        let (range, own) = line.trim_start().split_once(" : ")?;
        let (first, last) = range.split_once('-')?;
        let number = |digits| u64::from_str_radix(digits, 16).ok();
        let range = Range::new(number(first)?, number(last)?)?;
        is_wanted(own).then_some(range)
    };
    memory.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn ranges_have_a_name_and_are_not_empty() {
        let memory = "d0000000-dfffffff : 0000:05:00.0\n  d0000000-d02fffff : BOOTFB\n    \
                      00000000-00000000 : BOOTFB\nx-y : BOOTFB\n";
        let boot = ranges_of(memory, is_of_boot);
        assert_eq!(
            boot,
            [Range::new(0xd000_0000, 0xd02f_ffff).expect("a range")]
        );
        let card = ranges_of(memory, |name| name == "0000:05:00.0");
        assert!(card[0].contains(boot[0]));
        assert!(!boot[0].contains(card[0]));
        assert_eq!(ranges_of("00000000-00000000 : BOOTFB", is_of_boot), []);
    }
}
