//! What is on the disks of a function.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::binding::HostUse;
use crate::host::Machine;
use crate::host::nodes::major_minor;
use crate::paths::{BLOCK_DEVICES, BTRFS, NVME_SUBSYSTEMS, UDEV_DATA, ZFS_POOLS};
use crate::pci::PciAddress;

/// The disks of a function, and all that is built on them: partitions, volumes, arrays.
#[derive(Debug, Default)]
struct Disks {
    /// Each with its number, as `8:1`.
    numbers: BTreeMap<String, String>,
    /// Each that is built on others, with one of them.
    built: BTreeMap<String, String>,
}

/// A mount, from `/proc/self/mountinfo`.
pub(in crate::host) struct Mount<'t> {
    pub(in crate::host) id: &'t str,
    pub(in crate::host) number: &'t str,
    at: &'t str,
    pub(in crate::host) kind: &'t str,
    source: &'t str,
}

impl Machine {
    /// What the host uses the disks of `function` for.
    pub(super) fn uses_of_disks(&self, function: PciAddress) -> Vec<HostUse> {
        let disks = self.disks(function);
        if disks.numbers.is_empty() {
            return Vec::new();
        }
        let text = self.text("/proc/self/mountinfo").unwrap_or_default();
        let mounts: Vec<Mount> = text.lines().filter_map(mount).collect();
        let mut host_uses = self.mounts(&disks, &mounts);
        host_uses.extend(self.swaps(&disks));
        host_uses.extend(self.pools(&disks));
        if host_uses.is_empty() {
            host_uses.extend(disks.unexplained());
        }
        host_uses
    }

    fn disks(&self, function: PciAddress) -> Disks {
        let all = self.children(BLOCK_DEVICES);
        let heads = self.nvme_subsystems(function);
        let is_own = |name: &&String| {
            let link = format!("{BLOCK_DEVICES}/{name}");
            self.is_below(function, &link) || heads.iter().any(|head| self.passes(&link, head))
        };
        let mut waiting: Vec<String> = all.iter().filter(is_own).cloned().collect();
        let mut disks = Disks::default();
        while let Some(name) = waiting.pop() {
            if disks.numbers.contains_key(&name) {
                continue;
            }
            for upper in self.children(&format!("{BLOCK_DEVICES}/{name}/holders")) {
                let below = disks.built.entry(upper.clone());
                below.or_insert_with(|| name.clone());
                waiting.push(upper);
            }
            let number = self.text(&format!("{BLOCK_DEVICES}/{name}/dev"));
            let number = number.unwrap_or_default().trim_end().to_owned();
            disks.numbers.insert(name, number);
        }
        disks
    }

    /// The NVMe subsystems that have a controller of `function`. With several paths to a disk, the disk itself is
    /// below the subsystem.
    fn nvme_subsystems(&self, function: PciAddress) -> Vec<String> {
        let mut names = self.children(NVME_SUBSYSTEMS);
        names.retain(|name| {
            let folder = format!("{NVME_SUBSYSTEMS}/{name}");
            let controllers = self.children(&folder).into_iter();
            let mut controllers = controllers.filter(|entry| entry.starts_with("nvme"));
            controllers.any(|entry| self.is_below(function, &format!("{folder}/{entry}")))
        });
        names
    }

    /// Whether a link leads through a folder of this name.
    fn passes(&self, link: &str, folder: &str) -> bool {
        let target = fs::read_link(self.path(link));
        target.is_ok_and(|target| target.iter().any(|part| part == folder))
    }

    fn mounts(&self, disks: &Disks, mounts: &[Mount]) -> Vec<HostUse> {
        let together = self.btrfs_devices();
        let used = mounts.iter().filter_map(|mount| {
            let device = disks
                .with_number(mount.number)
                .or_else(|| self.source(disks, mount, &together))?;
            Some(HostUse::FileSystem {
                device,
                at: unescaped(mount.at),
            })
        });
        used.collect()
    }

    /// The disk that a mount names as its source, or another one of the same file system. btrfs has device
    /// numbers of its own, and names one of its disks; bcachefs names all.
    fn source(&self, disks: &Disks, mount: &Mount, together: &[Vec<String>]) -> Option<String> {
        let sources = mount.source.split(':');
        let named: Vec<String> = sources.filter_map(|path| self.disk_at(path)).collect();
        if let Some(disk) = named.iter().find(|name| disks.numbers.contains_key(*name)) {
            return Some(disk.clone());
        }
        let is_same = |group: &&Vec<String>| {
            named.is_empty() || named.iter().any(|name| group.contains(name))
        };
        let groups = together.iter().filter(|_| mount.kind == "btrfs");
        let mut members = groups.filter(is_same).flatten();
        let own = members.find(|name| disks.numbers.contains_key(*name));
        own.cloned()
    }

    /// The disks of each mounted btrfs.
    fn btrfs_devices(&self) -> Vec<Vec<String>> {
        let names = self.children(BTRFS).into_iter();
        let groups = names.map(|name| self.children(&format!("{BTRFS}/{name}/devices")));
        groups.filter(|group| !group.is_empty()).collect()
    }

    /// The name of the disk at a path: `dm-3` for `/dev/mapper/vg-root`.
    fn disk_at(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix("/dev/")?;
        if self.exists(&format!("{BLOCK_DEVICES}/{name}")) {
            return Some(name.to_owned());
        }
        let mapped = name.strip_prefix("mapper/");
        if let Some(disk) = mapped.and_then(|mapped| self.mapper_device(mapped)) {
            return Some(disk);
        }
        let facts = fs::metadata(self.path(path)).ok()?;
        let (major, minor) = major_minor(facts.rdev());
        let link = fs::read_link(self.path(format!("/sys/dev/block/{major}:{minor}"))).ok()?;
        Some(link.file_name()?.to_str()?.to_owned())
    }

    /// The `dm-N` of `/dev/mapper/NAME`.
    fn mapper_device(&self, mapped: &str) -> Option<String> {
        let is_it = |disk: &String| {
            let name = self.text(&format!("{BLOCK_DEVICES}/{disk}/dm/name"));
            name.is_some_and(|name| name.trim_end() == mapped)
        };
        self.children(BLOCK_DEVICES).into_iter().find(is_it)
    }

    fn swaps(&self, disks: &Disks) -> Vec<HostUse> {
        let text = self.text("/proc/swaps").unwrap_or_default();
        let paths = text.lines().skip(1);
        let paths = paths.filter_map(|line| line.split_ascii_whitespace().next());
        let names = paths.filter_map(|path| self.disk_at(path));
        let own = names.filter(|name| disks.numbers.contains_key(name));
        own.map(|device| HostUse::Swap { device }).collect()
    }

    /// The ZFS pools that may have one of these disks. ZFS takes disks without a link in sysfs, so udev's
    /// database has to say what is on them. A disk that it does not know may be in any pool.
    fn pools(&self, disks: &Disks) -> Vec<HostUse> {
        let mut pools = self.children(ZFS_POOLS);
        pools.retain(|name| self.exists(&format!("{ZFS_POOLS}/{name}/state")));
        let Some(any) = pools.first() else {
            return Vec::new();
        };
        let members = disks.numbers.iter().filter_map(|(name, number)| {
            let pool = match self.content_of(number) {
                Content::Pool(label) => pools.iter().find(|pool| **pool == label).cloned()?,
                Content::Unknown => any.clone(),
                Content::Other => return None,
            };
            let device = name.clone();
            Some(HostUse::Pool { device, pool })
        });
        members.collect()
    }

    /// What udev found on a disk.
    fn content_of(&self, number: &str) -> Content {
        let Some(text) = self.text(&format!("{UDEV_DATA}/b{number}")) else {
            return Content::Unknown;
        };
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        match value("E:ID_FS_TYPE=") {
            Some("zfs_member") => {
                Content::Pool(value("E:ID_FS_LABEL=").unwrap_or_default().to_owned())
            }
            _ => Content::Other,
        }
    }
}

/// What is on a disk.
enum Content {
    Pool(String),
    Other,
    Unknown,
}

impl Disks {
    fn with_number(&self, number: &str) -> Option<String> {
        let mut all = self.numbers.iter();
        all.find(|(_, own)| *own == number)
            .map(|(name, _)| name.clone())
    }

    /// What is built on the disks although no mount and no swap explains it: an array or a volume may have
    /// any user.
    fn unexplained(&self) -> Vec<HostUse> {
        let built = self.built.iter().map(|(holder, device)| HostUse::Holder {
            device: device.clone(),
            holder: holder.clone(),
        });
        built.collect()
    }
}

/// Reads a line of mountinfo (proc(5)).
pub(in crate::host) fn mount(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut words = before.split(' ');
    let id = words.next()?;
    let number = words.nth(1)?;
    let at = words.nth(1)?;
    let mut words = after.split(' ');
    Some(Mount {
        id,
        number,
        at,
        kind: words.next()?,
        source: words.next()?,
    })
}

/// Decodes mountinfo's octal escapes, such as `\040` for a blank.
fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\');
        let code = octal
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[3..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn mount_point_with_blanks_is_parsed() {
        let line = r"36 35 8:1 / /mnt/my\040disk rw,noatime master:1 - ext4 /dev/sda1 rw";
        let parsed = mount(line).map(|mount| (mount.number, mount.at, mount.kind, mount.source));
        assert_eq!(
            parsed,
            Some(("8:1", r"/mnt/my\040disk", "ext4", "/dev/sda1"))
        );
        assert_eq!(unescaped(r"/mnt/my\040disk\"), r"/mnt/my disk\");
        for text in [
            "",
            "36 35 8:1",
            "36 35 8:1 / /mnt - ",
            "36 35 8:1 / /mnt - ext4",
        ] {
            assert!(mount(text).is_none(), "{text}");
        }
    }
}
