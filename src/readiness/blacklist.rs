//! Blacklists of the drivers of cards.

use crate::readiness::cmdline::underscored;
use crate::readiness::{Finding, HostFacts};

/// Drivers of cards that are often blacklisted.
const CARD_DRIVERS: [&str; 6] = [
    "nouveau",
    "nova_core",
    "nvidia",
    "nvidiafb",
    "radeon",
    "amdgpu",
];
const TOPIC: &str = "modprobe";

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let drivers = CARD_DRIVERS.iter();
    drivers
        .filter_map(|driver| blacklisted(facts, driver))
        .collect()
}

/// A blacklisted driver can still be bound: it was loaded by its name, or by an initramfs without
/// this file.
fn blacklisted(facts: &HostFacts, driver: &str) -> Option<Finding> {
    let on_cmdline = |key| {
        facts
            .platform
            .cmdline
            .parts(key)
            .any(|d| underscored(d) == driver)
    };
    let place = match facts.modprobe.blacklist_of(driver) {
        Some(path) => path,
        None if on_cmdline("modprobe.blacklist") => "modprobe.blacklist on the kernel command line",
        None if on_cmdline("module_blacklist") => "module_blacklist on the kernel command line",
        None => return None,
    };
    let is_driver = |name: &str| underscored(name) == driver;
    let mut functions = facts.functions.iter();
    let bound = functions.find(|f| f.driver.as_ref().is_some_and(|d| is_driver(d.as_str())));
    Some(match bound {
        None => Finding::pass(
            TOPIC,
            format!("{driver} is not loaded automatically ({place})"),
        ),
        Some(function) => Finding::warn(
            TOPIC,
            format!(
                "{driver} is blacklisted ({place}), but {} is bound to it: something loaded it by \
                 name, or the initramfs is older than the blacklist",
                function.address
            ),
            facts.initramfs.rebuild(),
        ),
    })
}
