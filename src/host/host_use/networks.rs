//! The default routes that lead over a function.

use std::collections::BTreeSet;

use crate::binding::HostUse;
use crate::host::Machine;
use crate::paths::NETWORKS;
use crate::pci::PciAddress;

/// The interface of Open vSwitch's kernel module that has the ports of all its bridges. The bridges themselves
/// have no link to their ports.
const OPEN_VSWITCH: &str = "ovs-system";

impl Machine {
    /// The default routes over an interface of `function`, or over one that is built on it: a bridge, a bond, a
    /// VLAN, each of them on the other.
    pub(super) fn default_routes(&self, function: PciAddress) -> Vec<HostUse> {
        let all = self.children(NETWORKS);
        let own = all
            .iter()
            .filter(|name| self.is_below(function, &format!("{NETWORKS}/{name}")));
        let own: Vec<String> = own.cloned().collect();
        if own.is_empty() {
            return Vec::new();
        }
        let mut carried = self.built_on(own);
        if carried.iter().any(|name| name == OPEN_VSWITCH) {
            carried.extend(all.into_iter().filter(|name| self.is_unexplained(name)));
        }
        let routed = self.routed();
        carried.retain(|name| routed.contains(name));
        let carried = carried.into_iter();
        carried
            .map(|interface| HostUse::DefaultRoute { interface })
            .collect()
    }

    /// These interfaces and all that are built on them. Links can form a circle.
    fn built_on(&self, own: Vec<String>) -> Vec<String> {
        let mut found = own;
        let mut next = 0;
        while let Some(name) = found.get(next) {
            for link in self.children(&format!("{NETWORKS}/{name}")) {
                let upper = link.strip_prefix("upper_").map(str::to_owned);
                let is_new = |upper: &String| !found.contains(upper);
                found.extend(upper.filter(is_new));
            }
            next += 1;
        }
        found
    }

    /// Whether an interface is virtual, and not built on another one as far as the kernel shows.
    fn is_unexplained(&self, name: &str) -> bool {
        let folder = format!("{NETWORKS}/{name}");
        let links = self.children(&folder);
        let is_built = links.iter().any(|link| link.starts_with("lower_"));
        !is_built && !links.iter().any(|link| link == "device")
    }

    /// The interfaces with a default route.
    fn routed(&self) -> BTreeSet<String> {
        let four = self.text("/proc/net/route").unwrap_or_default();
        let six = self.text("/proc/net/ipv6_route").unwrap_or_default();
        let four = four.lines().filter_map(default_route);
        let names = four.chain(six.lines().filter_map(default_route_6));
        names.map(str::to_owned).collect()
    }
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
