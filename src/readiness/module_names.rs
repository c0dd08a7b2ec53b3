//! Rules of modprobe that have no effect, because they name a driver and not its module, or a module that is built
//! into the kernel.

use crate::readiness::modprobe::{Directive, Place, Rule, all_rules};
use crate::readiness::modules::Renamed;
use crate::readiness::{Finding, HostFacts, blacklist};

const TOPIC: &str = "modprobe";

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let rules = all_rules(facts);
    let rules = rules.iter();
    rules
        .filter_map(|(place, rule)| finding(*place, rule, facts))
        .collect()
}

fn finding(place: Place<'_>, rule: &Rule, facts: &HostFacts) -> Option<Finding> {
    let misnamed = misnamed(place, rule, facts);
    let built_in = || built_in(place, rule, facts);
    misnamed
        .or_else(built_in)
        .or_else(|| softdep(place, rule, facts))
}

/// A rule for a driver that is called otherwise than its module.
fn misnamed(place: Place<'_>, rule: &Rule, facts: &HostFacts) -> Option<Finding> {
    let Renamed { driver, module } = facts.modules.renamed(&rule.name)?;
    // A driver can also be called like another module, which its own one needs: xhci_hcd.
    let is_module = facts.modules.has(&rule.module());
    let is_about_driver = match rule.directive {
        Directive::Softdep => rule.waits_for_vfio(),
        Directive::Blacklist => true,
        Directive::Install | Directive::Options => !is_module,
    };
    let effect = match is_module {
        true => format!("is not about the driver {driver}: its module is {module}"),
        false => format!("has no effect: {driver} is a driver, and its module is {module}"),
    };
    let text = format!("{} {effect}", subject(place, rule));
    is_about_driver.then(|| Finding::warn(TOPIC, text, remedy(place, rule, facts)))
}

/// A rule about when or whether to load a module that is part of the kernel.
fn built_in(place: Place<'_>, rule: &Rule, facts: &HostFacts) -> Option<Finding> {
    let module = rule.module();
    let concerns_cards = match rule.directive {
        Directive::Softdep => rule.waits_for_vfio(),
        Directive::Blacklist => blacklist::modules(facts).contains(&module),
        Directive::Install | Directive::Options => false,
    };
    (concerns_cards && facts.modules.is_built_in(&module)).then(|| {
        let text = format!(
            "{} has no effect: {module} is built into this kernel, and is there before every module",
            subject(place, rule)
        );
        Finding::warn(TOPIC, text, remedy(place, rule, facts))
    })
}

/// A softdep that has an effect. Nothing is said of one for a module that is not installed.
fn softdep(place: Place<'_>, rule: &Rule, facts: &HostFacts) -> Option<Finding> {
    let modules = &facts.modules;
    let may_exist = !modules.are_listed() || modules.has(&rule.module());
    (rule.waits_for_vfio() && may_exist).then(|| {
        let module = rule.module();
        Finding::pass(TOPIC, format!("{module} loads after vfio-pci ({place})"))
    })
}

/// `softdep xhci_hcd` in /etc/modprobe.d/vfio.conf.
fn subject(place: Place<'_>, rule: &Rule) -> String {
    match place {
        Place::File(path) => format!("`{}` in {path}", rule.start()),
        Place::KernelLine(_) => format!("{} in {place}", rule.name),
    }
}

fn remedy(place: Place<'_>, rule: &Rule, facts: &HostFacts) -> String {
    let removal = place.removal(rule, facts);
    match rule.directive {
        Directive::Softdep => format!("{removal}; `gpupci detach` needs no softdep"),
        _ => removal,
    }
}
