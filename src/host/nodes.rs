//! The device nodes of a card.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::host::Machine;
use crate::host::device_files::device_number;
use crate::paths::{GRAPHICS, KFD, NVIDIA_CAPABILITIES, PCI_DEVICES, VFIO_GROUPS, VFIO_NODES};
use crate::pci::PciAddress;

/// The nodes that all cards on NVIDIA's driver share.
const NVIDIA_SHARED: [&str; 4] = [
    "/dev/nvidiactl",
    "/dev/nvidia-modeset",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
];

/// The driver of NVSwitches on the host, and the start of the names of their nodes: `nvidia-nvswitch0`,
/// `nvidia-nvswitchctl`.
const NVSWITCH_DRIVER: &str = "nvidia-nvswitch";

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

/// The device nodes of a function.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Those that were found.
    pub(super) found: Vec<Node>,
    /// Why there may be others.
    pub(super) unread: Option<String>,
}

impl Machine {
    /// The device nodes of `function` that were found.
    pub fn nodes(&self, function: PciAddress) -> Vec<Node> {
        self.all_nodes(function).found
    }

    /// The device nodes of `function`: its character devices in sysfs, and those that are not there.
    pub(super) fn all_nodes(&self, function: PciAddress) -> Nodes {
        let files = self.device_files(function);
        let mut found = files.nodes;
        found.extend(self.nvidia_node(function));
        let vfio = self.vfio_nodes(function).into_iter();
        let is_new = |node: &Node| found.iter().all(|other| other.path != node.path);
        let vfio: Vec<Node> = vfio.filter(is_new).collect();
        found.extend(vfio);
        found.extend(self.shared_nodes(function));
        found.extend(self.nvswitch_nodes(function));
        Nodes {
            found,
            unread: files.unread,
        }
    }

    /// The framebuffers of `function`: `fb0`.
    pub fn framebuffers(&self, function: PciAddress) -> Vec<String> {
        let mut names = self.children(GRAPHICS);
        names.retain(|name| self.is_below(function, &format!("{GRAPHICS}/{name}")));
        names
    }

    /// The nodes of all NVSwitches, if `function` is one: no file names the node of one switch. The fabric
    /// manager has all of them open.
    fn nvswitch_nodes(&self, function: PciAddress) -> Vec<Node> {
        let driver = self.driver(function).ok().flatten();
        if driver.is_none_or(|driver| driver.as_str() != NVSWITCH_DRIVER) {
            return Vec::new();
        }
        let names = self.children("/dev").into_iter();
        let own = names.filter(|name| name.starts_with(NVSWITCH_DRIVER));
        own.map(|name| self.node(&format!("/dev/{name}"), false))
            .collect()
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

    /// The nodes of VFIO for a function: of its group, and its own.
    pub(super) fn vfio_nodes(&self, function: PciAddress) -> Vec<Node> {
        let group = self.iommu_group(function).ok().flatten();
        let names = group.map(|group| [group.to_string(), format!("noiommu-{group}")]);
        let groups = names.into_iter().flatten();
        let groups = groups.map(|name| (format!("{VFIO_GROUPS}/{name}"), name));
        let own = format!("{PCI_DEVICES}/{function}/vfio-dev");
        let devices = self.children(&own).into_iter();
        let devices = devices.map(|name| (format!("{own}/{name}"), format!("devices/{name}")));
        let all = groups.chain(devices);
        all.filter_map(|(folder, name)| self.vfio_node(&folder, &name))
            .collect()
    }

    /// A node that sysfs or `/dev` shows. In a container `/dev` is another one, but processes of the host have
    /// the node open.
    fn vfio_node(&self, folder: &str, name: &str) -> Option<Node> {
        let path = format!("{VFIO_NODES}/{name}");
        let text = self.text(&format!("{folder}/dev"));
        let number = text.and_then(|text| device_number(text.trim_end()));
        if number.is_none() && !self.exists(&path) {
            return None;
        }
        let node = self.node(&path, false);
        Some(Node {
            number: number.or(node.number),
            ..node
        })
    }

    /// The nodes that all devices of a driver share.
    fn shared_nodes(&self, function: PciAddress) -> Vec<Node> {
        let driver = self.driver(function).ok().flatten();
        let paths = match driver.as_ref().map(|driver| driver.as_str()) {
            Some("nvidia") => {
                let fixed = NVIDIA_SHARED.iter().map(|path| (*path).to_owned());
                fixed.chain(self.nvidia_capabilities()).collect()
            }
            Some("nvidia-nvswitch") => self.nvidia_switches(),
            Some("amdgpu") => vec![KFD.to_owned()],
            _ => Vec::new(),
        };
        paths.iter().map(|path| self.node(path, true)).collect()
    }

    /// The nodes that give access to parts of cards (MIG).
    fn nvidia_capabilities(&self) -> Vec<String> {
        let names = self.children(NVIDIA_CAPABILITIES).into_iter();
        names
            .map(|name| format!("{NVIDIA_CAPABILITIES}/{name}"))
            .collect()
    }

    /// The nodes of all NVSwitches. sysfs does not say which is whose.
    fn nvidia_switches(&self) -> Vec<String> {
        let names = self.children("/dev").into_iter();
        let switches = names.filter(|name| name.starts_with("nvidia-nvswitch"));
        switches.map(|name| format!("/dev/{name}")).collect()
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

/// Major and minor of a device number.
pub(super) fn major_minor(device: u64) -> (u64, u64) {
    (nix::sys::stat::major(device), nix::sys::stat::minor(device))
}
