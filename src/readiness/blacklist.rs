//! Blacklists of the drivers of cards.

use crate::readiness::modprobe::{Directive, Place, Rule, all_rules};
use crate::readiness::{Finding, FunctionFacts, HostFacts};

const TOPIC: &str = "modprobe";
/// What a host is warned of that loses the driver of its boot display.
pub(super) const DARK: &str = "after the next boot this host may have no screen";
/// Modules of drivers of cards that are often blacklisted.
const CARD_MODULES: [&str; 6] = [
    "nouveau",
    "nova_core",
    "nvidia",
    "nvidiafb",
    "radeon",
    "amdgpu",
];

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let rules = all_rules(facts);
    let blacklist_of = |module: &str| {
        let mut rules = rules.iter();
        rules.find(|(_, rule)| rule.is(Directive::Blacklist, module))
    };
    let modules = modules(facts);
    // A rule for what is built in has no effect: that is a finding of its own.
    let loadable = modules
        .iter()
        .filter(|module| !facts.modules.is_built_in(module));
    let findings = loadable.filter_map(|module| {
        let (place, rule) = blacklist_of(module)?;
        Some(finding(module, *place, rule, facts))
    });
    findings.collect()
}

/// The modules of the drivers of cards.
pub(super) fn modules(facts: &HostFacts) -> Vec<String> {
    let mut modules: Vec<String> = CARD_MODULES.map(str::to_owned).into();
    for card in facts.cards.as_deref().unwrap_or_default() {
        let drivers = card
            .view
            .bindings
            .iter()
            .filter_map(|now| now.driver.as_ref());
        for module in drivers.map(|driver| facts.modules.module_of(driver.as_str())) {
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
    }
    modules
}

/// A blacklisted driver can still be bound: it was loaded by its name, or by an initramfs without
/// this file.
fn finding(module: &str, place: Place<'_>, rule: &Rule, facts: &HostFacts) -> Finding {
    let bound = bound_to(module, facts);
    if let Some(display) = bound.iter().find(|function| function.is_boot_display) {
        let text = format!(
            "{module} is blacklisted ({place}), but {}, the boot display, is bound to it: {DARK}",
            display.address
        );
        return Finding::warn(TOPIC, text, place.removal(rule, facts));
    }
    match bound.first() {
        None => Finding::pass(
            TOPIC,
            format!("{module} is not loaded automatically ({place})"),
        ),
        Some(function) => {
            let text = format!(
                "{module} is blacklisted ({place}), but {} is bound to it: {}",
                function.address,
                cause(place, facts)
            );
            Finding::warn(TOPIC, text, facts.initramfs.rebuild())
        }
    }
}

fn cause(place: Place<'_>, facts: &HostFacts) -> String {
    let delay = match place {
        Place::File(path) => facts.modprobe.delay_of(path),
        Place::KernelLine(_) => None,
    };
    delay.unwrap_or_else(|| {
        "something loaded it by name, or the initramfs is older than the blacklist".to_owned()
    })
}

/// The functions that are bound to a driver of this module.
fn bound_to<'f>(module: &str, facts: &'f HostFacts) -> Vec<&'f FunctionFacts> {
    let functions = facts.functions.iter().filter(|function| {
        let driver = function.driver.as_ref();
        driver.is_some_and(|driver| facts.modules.module_of(driver.as_str()) == module)
    });
    functions.collect()
}
