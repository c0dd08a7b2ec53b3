//! Finds the function that shows the host's text console.

use crate::binding::HostConsole;
use crate::host::Machine;
use crate::paths::{GRAPHICS, VTCONSOLES};
use crate::pci::PciAddress;

impl Machine {
    /// The host's text console, if `function` shows it.
    ///
    /// The kernel binds its consoles to the first framebuffer and does not show if that was changed.
    /// With deferred takeover there is no framebuffer console before the first message; then the first
    /// framebuffer is taken too. A console that was unbound exists, and its `bind` is 0. The VGA console
    /// cannot be unbound, because no other one is there to replace it.
    pub fn console(&self, function: PciAddress) -> Option<HostConsole> {
        if self
            .vtconsole("VGA")
            .is_some_and(|console| console.is_bound)
        {
            let is_vga = self.sysfs_attribute(function, "boot_vga").as_deref() == Some("1");
            return is_vga.then(|| HostConsole {
                framebuffer: "VGA text".to_owned(),
                device: None,
            });
        }
        let console = self.vtconsole("frame buffer");
        if console.as_ref().is_some_and(|console| !console.is_bound) {
            return None;
        }
        let framebuffer = self.first_framebuffer()?;
        let is_own = self.framebuffers(function).contains(&framebuffer)
            || self.firmware_framebuffer(function).as_ref() == Some(&framebuffer);
        is_own.then_some(HostConsole {
            framebuffer,
            device: console.map(|console| console.device),
        })
    }

    /// The first console device of this kind.
    fn vtconsole(&self, kind: &str) -> Option<VtConsole> {
        let fact = |device: &str, name| self.text(&format!("{VTCONSOLES}/{device}/{name}"));
        let mut devices = self
            .children(VTCONSOLES)
            .into_iter()
            .filter(|name| is_vtconsole(name));
        let device =
            devices.find(|device| fact(device, "name").is_some_and(|name| name.contains(kind)))?;
        Some(VtConsole {
            is_bound: fact(&device, "bind").is_some_and(|bind| bind.trim() == "1"),
            device,
        })
    }

    fn first_framebuffer(&self) -> Option<String> {
        let number = |name: &String| name.strip_prefix("fb")?.parse::<u32>().ok();
        let all = self.children(GRAPHICS).into_iter();
        all.filter(|name| number(name).is_some()).min_by_key(number)
    }
}

/// A console device of the kernel (`Documentation/fb/fbcon.rst`).
struct VtConsole {
    device: String,
    is_bound: bool,
}

fn is_vtconsole(name: &str) -> bool {
    let number = name.strip_prefix("vtcon");
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}
