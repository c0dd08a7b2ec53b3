//! The host's use of a function: mounted file systems, swap, default routes.

use std::collections::BTreeSet;

use crate::binding::HostUse;
use crate::host::Machine;
use crate::pci::PciAddress;

impl Machine {
    /// What the host uses `function` for.
    pub fn host_uses(&self, function: PciAddress) -> Vec<HostUse> {
        let mut host_uses = Vec::new();
        let disks = self.block_devices(function);
        if !disks.is_empty() {
            host_uses.extend(self.mounts(&disks));
            host_uses.extend(self.swaps(&disks));
        }
        host_uses.extend(self.default_routes(function));
        host_uses
    }

    /// The block devices of `function` and all devices on top of them: partitions, volumes, arrays.
    fn block_devices(&self, function: PciAddress) -> BTreeSet<String> {
        let all = self.children("/sys/class/block");
        let mut waiting: Vec<String> = all
            .into_iter()
            .filter(|name| self.is_below(function, &format!("/sys/class/block/{name}")))
            .collect();
        let mut found = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if found.insert(name.clone()) {
                waiting.extend(self.children(&format!("/sys/class/block/{name}/holders")));
            }
        }
        found
    }

    fn mounts(&self, disks: &BTreeSet<String>) -> Vec<HostUse> {
        let numbers: Vec<(String, &String)> = disks
            .iter()
            .filter_map(|name| {
                let number = self.text(&format!("/sys/class/block/{name}/dev"))?;
                Some((number.trim_end().to_owned(), name))
            })
            .collect();
        let text = self.text("/proc/self/mountinfo").unwrap_or_default();
        let mounts = text.lines().filter_map(|line| {
            let (number, at, source) = mount(line)?;
            let by_number = numbers.iter().find(|(n, _)| n == number);
            // btrfs has device numbers of its own, but its source names a block device.
            let by_source = || {
                disks
                    .iter()
                    .find(|d| source.strip_prefix("/dev/") == Some(d))
            };
            let device = by_number.map(|(_, name)| *name).or_else(by_source)?;
            Some(HostUse::FileSystem {
                device: device.clone(),
                at: unescaped(at),
            })
        });
        mounts.collect()
    }

    fn swaps(&self, disks: &BTreeSet<String>) -> Vec<HostUse> {
        let text = self.text("/proc/swaps").unwrap_or_default();
        let names = text.lines().skip(1).filter_map(|line| {
            let path = line.split_ascii_whitespace().next()?;
            let name = path.strip_prefix("/dev/")?;
            let name = name.strip_prefix("mapper/").map_or_else(
                || name.to_owned(),
                |mapped| self.mapper_device(mapped, disks).unwrap_or_default(),
            );
            disks.contains(&name).then_some(name)
        });
        names.map(|device| HostUse::Swap { device }).collect()
    }

    /// The `dm-N` of `/dev/mapper/NAME`.
    fn mapper_device(&self, mapped: &str, disks: &BTreeSet<String>) -> Option<String> {
        let is_it = |disk: &&String| {
            let name = self.text(&format!("/sys/class/block/{disk}/dm/name"));
            name.is_some_and(|name| name.trim_end() == mapped)
        };
        disks.iter().find(is_it).cloned()
    }

    /// The default routes over an interface of `function`, or over a bridge or bond above one.
    fn default_routes(&self, function: PciAddress) -> Vec<HostUse> {
        let mut own = self.children("/sys/class/net");
        own.retain(|name| self.is_below(function, &format!("/sys/class/net/{name}")));
        let uppers: Vec<String> = own
            .iter()
            .flat_map(|name| self.children(&format!("/sys/class/net/{name}")))
            .filter_map(|entry| entry.strip_prefix("upper_").map(str::to_owned))
            .collect();
        own.extend(uppers);
        let four = self.text("/proc/net/route").unwrap_or_default();
        let six = self.text("/proc/net/ipv6_route").unwrap_or_default();
        let mut routed: BTreeSet<&str> = four.lines().filter_map(default_route).collect();
        routed.extend(six.lines().filter_map(default_route_6));
        own.retain(|name| routed.contains(name.as_str()));
        own.into_iter()
            .map(|interface| HostUse::DefaultRoute { interface })
            .collect()
    }
}

/// Device number, mount point and source of a line of mountinfo (proc(5)).
fn mount(line: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let mut words = before.split(' ').skip(2);
    let number = words.next()?;
    let at = words.nth(1)?;
    Some((number, at, after.split(' ').nth(1)?))
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

/// The interface of a line of `/proc/net/route`, if that is a default route.
fn default_route(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, destination, _, _, _, _, _, mask, ..] = words[..] else {
        return None;
    };
    (destination == "00000000" && mask == "00000000").then_some(interface)
}

/// The interface of a line of `/proc/net/ipv6_route`, if that is a default route.
fn default_route_6(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_default = words.first()?.bytes().all(|b| b == b'0') && words.get(1) == Some(&"00");
    words
        .get(9)
        .copied()
        .filter(|interface| is_default && *interface != "lo")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn mount_point_with_blanks_is_parsed() {
        let line = r"36 35 8:1 / /mnt/my\040disk rw,noatime master:1 - ext4 /dev/sda1 rw";
        assert_eq!(mount(line), Some(("8:1", r"/mnt/my\040disk", "/dev/sda1")));
        assert_eq!(unescaped(r"/mnt/my\040disk\"), r"/mnt/my disk\");
        for text in ["", "36 35 8:1", "36 35 8:1 / /mnt - "] {
            assert_eq!(mount(text), None, "{text}");
        }
    }

    #[test]
    fn default_route_has_an_empty_mask() {
        let route = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
        assert_eq!(default_route(route), Some("eth0"));
        let local = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0";
        assert_eq!(default_route(local), None);
        let zeros = "0".repeat(32);
        let six = |interface| {
            format!("{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 00000003 {interface}")
        };
        assert_eq!(default_route_6(&six("eth0")), Some("eth0"));
        assert_eq!(default_route_6(&six("lo")), None);
    }
}
