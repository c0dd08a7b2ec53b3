//! The device nodes of a card.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::host::Machine;
use crate::paths::{KFD, PCI_DEVICES, VFIO_NODES};
use crate::pci::PciAddress;

/// The nodes that all cards on NVIDIA's driver share.
const NVIDIA_SHARED: [&str; 4] = [
    "/dev/nvidiactl",
    "/dev/nvidia-modeset",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
];

/// A device node of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its path: `/dev/dri/card1`.
    pub path: String,
    /// Its major and minor number, which identify it under any name.
    pub number: Option<(u64, u64)>,
    /// Whether all cards of the driver share it. A process that has it open uses this card only if
    /// it uses no other card.
    pub is_shared: bool,
}

impl Machine {
    /// The device nodes of `function`.
    pub fn nodes(&self, function: PciAddress) -> Vec<Node> {
        let mut nodes = self.class_nodes(function, "drm", "/dev/dri");
        nodes.extend(self.class_nodes(function, "sound", "/dev/snd"));
        nodes.extend(self.class_nodes(function, "graphics", "/dev"));
        nodes.extend(self.nvidia_node(function));
        nodes.extend(self.vfio_nodes(function));
        nodes.extend(self.shared_nodes(function));
        nodes
    }

    /// The framebuffers of `function`: `fb0`.
    pub fn framebuffers(&self, function: PciAddress) -> Vec<String> {
        self.class_entries(function, "graphics")
    }

    fn class_nodes(&self, function: PciAddress, class: &str, folder: &str) -> Vec<Node> {
        let entries = self.class_entries(function, class).into_iter();
        // Connectors (`card0-HDMI-A-1`) and sound cards as a whole (`card0`) have no node.
        let numbered = entries.filter_map(|entry| {
            let text = self.text(&format!("/sys/class/{class}/{entry}/dev"))?;
            Some(Node {
                path: format!("{folder}/{entry}"),
                number: device_number(text.trim_end()),
                is_shared: false,
            })
        });
        numbered.collect()
    }

    fn class_entries(&self, function: PciAddress, class: &str) -> Vec<String> {
        let mut entries = self.children(&format!("/sys/class/{class}"));
        entries.retain(|entry| self.is_below(function, &format!("/sys/class/{class}/{entry}")));
        entries
    }

    /// NVIDIA's nodes are in no class of sysfs; `/proc/driver/nvidia` names the node of a card.
    fn nvidia_node(&self, function: PciAddress) -> Option<Node> {
        let facts = self.text(&format!("/proc/driver/nvidia/gpus/{function}/information"))?;
        let minor = facts
            .lines()
            .find_map(|line| line.strip_prefix("Device Minor:"))?;
        let minor: u32 = minor.trim().parse().ok()?;
        Some(self.node(&format!("/dev/nvidia{minor}"), false))
    }

    fn vfio_nodes(&self, function: PciAddress) -> Vec<Node> {
        let devices = self.children(&format!("{PCI_DEVICES}/{function}/vfio-dev"));
        let devices = devices
            .iter()
            .map(|name| format!("{VFIO_NODES}/devices/{name}"));
        let group = self.iommu_group(function).ok().flatten();
        let group = group.map(|group| format!("{VFIO_NODES}/{group}"));
        let all = group.into_iter().chain(devices);
        let present = all.filter(|path| self.exists(path));
        present.map(|path| self.node(&path, false)).collect()
    }

    fn shared_nodes(&self, function: PciAddress) -> Vec<Node> {
        let driver = self.driver(function).ok().flatten();
        let paths: &[&str] = match driver.as_ref().map(|driver| driver.as_str()) {
            Some("nvidia") => &NVIDIA_SHARED,
            Some("amdgpu") => &[KFD],
            _ => &[],
        };
        paths.iter().map(|path| self.node(path, true)).collect()
    }

    fn node(&self, path: &str, is_shared: bool) -> Node {
        let facts = fs::metadata(self.path(path)).ok();
        let number = facts.map(|facts| major_minor(facts.rdev()));
        Node {
            path: path.to_owned(),
            // In a tree of files the nodes are regular files.
            number: number.filter(|number| *number != (0, 0)),
            is_shared,
        }
    }
}

/// Reads `226:1`.
fn device_number(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Major and minor of a device number.
pub(super) fn major_minor(device: u64) -> (u64, u64) {
    (nix::sys::stat::major(device), nix::sys::stat::minor(device))
}
