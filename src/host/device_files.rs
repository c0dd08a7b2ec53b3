//! Finds the character devices of a function: every `dev` file below it in sysfs that is not a disk's. A
//! driver may create devices of many classes (`drm`, `sound`, `i2c-dev`, `drm_dp_aux_dev`, `cec`, `hidraw`,
//! `ptp`), and an unbind can wait for the last user of any of them. So no class is listed here.

use std::fs;
use std::io;

use crate::failure::SystemError;
use crate::host::nodes::Node;
use crate::host::{Machine, is_gone};
use crate::paths::PCI_DEVICES;
use crate::pci::PciAddress;

/// A USB device behind seven hubs is about this deep.
const DEPTH_MAX: usize = 24;
/// A function has about a hundred folders.
const FOLDERS_MAX: usize = 10_000;

/// Folders of sysfs that contain no device.
const NO_DEVICES: [&str; 3] = ["power", "msi_irqs", "statistics"];

/// The character devices below a function.
#[derive(Debug, Default)]
pub(super) struct DeviceFiles {
    /// Those that were found, by their folder.
    pub(super) nodes: Vec<Node>,
    /// Why there may be others.
    pub(super) unread: Option<String>,
}

/// A folder below a function.
struct Folder {
    path: String,
    depth: usize,
}

impl Machine {
    /// The character devices of `function`. No attribute is read that could wake a sleeping card.
    pub(super) fn device_files(&self, function: PciAddress) -> DeviceFiles {
        let mut found = DeviceFiles::default();
        let path = format!("{PCI_DEVICES}/{function}");
        let mut waiting = vec![Folder { path, depth: 0 }];
        let mut devices = Vec::new();
        let mut count = 0;
        while let Some(folder) = waiting.pop() {
            count += 1;
            if count > FOLDERS_MAX || folder.depth > DEPTH_MAX {
                found.unread = Some(format!("{function} has too many devices below it"));
                break;
            }
            match self.look_into(&folder, &mut waiting) {
                Ok(is_device) if is_device => devices.push(folder.path),
                Ok(_) => (),
                Err(error) if is_gone(&error) => (),
                Err(error) => {
                    found.unread = Some(format!("{}: {}", folder.path, SystemError(&error)));
                }
            }
        }
        devices.sort();
        let nodes = devices.iter().filter_map(|device| self.device_file(device));
        found.nodes = nodes.collect();
        found
    }

    /// Adds the folders in `folder` to those that wait. Says whether `folder` is a device with a number.
    fn look_into(&self, folder: &Folder, waiting: &mut Vec<Folder>) -> io::Result<bool> {
        let mut is_device = false;
        for entry in fs::read_dir(self.path(&folder.path))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let kind = entry.file_type()?;
            // A link leads out of the function. Other functions are below a bridge.
            if kind.is_dir() && !NO_DEVICES.contains(&name.as_str()) && !is_function(&name) {
                waiting.push(Folder {
                    path: format!("{}/{name}", folder.path),
                    depth: folder.depth + 1,
                });
            }
            is_device |= kind.is_file() && name == "dev";
        }
        Ok(is_device)
    }

    /// The node of the device in this folder; `None` if it is a disk or has gone.
    fn device_file(&self, folder: &str) -> Option<Node> {
        let class = self.subsystem(folder);
        if class == "block" {
            return None;
        }
        let number = self.text(&format!("{folder}/dev"))?;
        Some(Node {
            path: format!("/dev/{}", self.device_name(folder, &class)),
            number: device_number(number.trim_end()),
            is_shared: false,
        })
    }

    /// The class of a device. Without a link to it, it is the name of the folder around the device.
    fn subsystem(&self, folder: &str) -> String {
        let link = fs::read_link(self.path(format!("{folder}/subsystem")));
        let named = link.ok().and_then(|target| {
            let name = target.file_name()?.to_str()?;
            Some(name.to_owned())
        });
        named.unwrap_or_else(|| {
            let around = folder.rsplit('/').nth(1);
            around.unwrap_or_default().to_owned()
        })
    }

    /// The name of a device below `/dev`, as the kernel gives it to devtmpfs.
    fn device_name(&self, folder: &str, class: &str) -> String {
        let uevent = self.text(&format!("{folder}/uevent")).unwrap_or_default();
        let name = uevent
            .lines()
            .find_map(|line| line.strip_prefix("DEVNAME="));
        if let Some(name) = name {
            return name.to_owned();
        }
        let name = folder.rsplit('/').next().unwrap_or_default();
        match class {
            "drm" => format!("dri/{name}"),
            "sound" => format!("snd/{name}"),
            "input" | "accel" => format!("{class}/{name}"),
            _ => name.to_owned(),
        }
    }
}

/// Whether this is the name of a PCI function, as sysfs spells it.
fn is_function(name: &str) -> bool {
    let address = name.parse::<PciAddress>();
    address.is_ok_and(|address| address.to_string() == name)
}

/// Reads `226:1`.
pub(super) fn device_number(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
