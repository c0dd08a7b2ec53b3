//! Finds the function that shows the host's text console.

use crate::host::Machine;
use crate::paths::{GRAPHICS, VTCONSOLES};
use crate::pci::PciAddress;

impl Machine {
    /// The framebuffer by which `function` shows the host's text console, such as `fb0`; `None` if it
    /// does not.
    ///
    /// The kernel binds its consoles to the first framebuffer and does not show if that was changed.
    /// With deferred takeover there is no framebuffer console before the first message; then the first
    /// framebuffer is taken too. A console that was unbound exists, and its `bind` is 0.
    pub fn console(&self, function: PciAddress) -> Option<String> {
        let is_bound = |name| self.is_console_bound(name);
        if is_bound("VGA") == Some(true) {
            let is_vga = self.sysfs_attribute(function, "boot_vga").as_deref() == Some("1");
            return is_vga.then(|| "VGA text".to_owned());
        }
        if is_bound("frame buffer") == Some(false) {
            return None;
        }
        let first = self.first_framebuffer()?;
        let is_own = self.framebuffers(function).contains(&first)
            || self.firmware_framebuffer(function).as_ref() == Some(&first);
        is_own.then_some(first)
    }

    /// Whether the console of this kind is bound; `None` if there is none.
    fn is_console_bound(&self, kind: &str) -> Option<bool> {
        let consoles = self.children(VTCONSOLES);
        let fact = |console: &str, name| self.text(&format!("{VTCONSOLES}/{console}/{name}"));
        let mut found = consoles.iter().filter(|console| {
            let name = fact(console.as_str(), "name");
            name.is_some_and(|name| name.contains(kind))
        });
        let console = found.next()?;
        Some(fact(console.as_str(), "bind").is_some_and(|bind| bind.trim() == "1"))
    }

    fn first_framebuffer(&self) -> Option<String> {
        let number = |name: &String| name.strip_prefix("fb")?.parse::<u32>().ok();
        let all = self.children(GRAPHICS).into_iter();
        all.filter(|name| number(name).is_some()).min_by_key(number)
    }
}
