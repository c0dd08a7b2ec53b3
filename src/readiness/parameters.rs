//! Parameters of VFIO's modules: what is configured, compared with what is in force.

use crate::readiness::cmdline::underscored;
use crate::readiness::modprobe::{self, Directive};
use crate::readiness::{Finding, HostFacts, interrupts};

const TOPIC: &str = "parameters";

/// The switches that matter for guests: module and parameter.
pub const SWITCHES: [(&str, &str); 3] = [
    ("vfio", "enable_unsafe_noiommu_mode"),
    ("vfio_iommu_type1", "allow_unsafe_interrupts"),
    ("vfio_pci", "disable_idle_d3"),
];

/// A switch of a module that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchFacts {
    /// The module, with `_`.
    pub module: &'static str,
    /// The parameter.
    pub name: &'static str,
    /// Whether it is on now.
    pub is_on: bool,
}

/// A configured value, and where.
struct Configured {
    place: String,
    is_on: bool,
    /// How the running kernel gets it.
    apply: String,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let ignored = ignored(facts).into_iter();
    let switches = facts.module_switches.iter();
    let differing = switches.filter_map(|switch| differing(switch, facts));
    ignored.chain(differing).collect()
}

/// Options in files for modules that are built into the kernel. Those with ids have findings of their own.
fn ignored(facts: &HostFacts) -> Vec<Finding> {
    let modules = SWITCHES.map(|(module, _)| module);
    let rules = facts.modprobe.rules().filter(|(_, rule)| {
        let module = rule.module();
        rule.directive == Directive::Options
            && modules.contains(&&*module)
            && facts.modules.is_built_in(&module)
    });
    let options = rules.flat_map(|(path, rule)| {
        let words = rule.words.clone().into_iter();
        let words = words.filter(|word| !word.starts_with("ids="));
        words.map(move |word| (path, rule.module(), word))
    });
    let cmdline = &facts.platform.cmdline;
    let is_on_line = |module: &str, word: &str| {
        let key = format!("{module}.{}", word.split('=').next().unwrap_or_default());
        cmdline.values(&key).next().is_some() || cmdline.has(&key)
    };
    let options = options.filter(|(_, module, word)| !is_on_line(module, word));
    let findings = options.map(|(path, module, word)| {
        let text = format!(
            "`options {module} {word}` in {path} has no effect: {module} is built into this kernel"
        );
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-=.,:".contains(c);
        let remedy = match word.chars().all(is_plain) {
            true => facts.boot.with(&format!("{module}.{word}")),
            false => modprobe::removal("this option from", path, facts),
        };
        Finding::warn(TOPIC, text, remedy)
    });
    findings.collect()
}

/// A switch that is not as it is configured.
fn differing(switch: &SwitchFacts, facts: &HostFacts) -> Option<Finding> {
    let SwitchFacts {
        module,
        name,
        is_on,
    } = switch;
    let word = |is_on| if is_on { "on" } else { "off" };
    match configured(switch, facts) {
        Some(configured) if configured.is_on != *is_on => {
            let text = format!(
                "{} turns {name} {}, but it is {} now",
                configured.place,
                word(configured.is_on),
                word(*is_on)
            );
            Some(Finding::warn(TOPIC, text, configured.apply))
        }
        None if *is_on && is_wanted(name, facts) => {
            let text = format!(
                "{name} of {module} is on, but nothing configures it: a reboot turns it off"
            );
            let remedy = format!("to keep it, {}", keep(module, name, facts));
            Some(Finding::warn(TOPIC, text, remedy))
        }
        _ => None,
    }
}

/// Whether a switch that is on may stay on. Those that take protection away may not, unless a card needs it.
fn is_wanted(name: &str, facts: &HostFacts) -> bool {
    match name {
        "enable_unsafe_noiommu_mode" => false,
        "allow_unsafe_interrupts" => interrupts::are_unsafe_needed(facts),
        _ => true,
    }
}

/// The value that counts: that of the kernel command line, or else the last one in the files.
fn configured(switch: &SwitchFacts, facts: &HostFacts) -> Option<Configured> {
    let SwitchFacts { module, name, .. } = switch;
    let key = format!("{module}.{name}");
    let cmdline = &facts.platform.cmdline;
    let on_line = cmdline.values(&key).next_back().and_then(boolean);
    let dashed = format!("{}.{name}", module.replace('_', "-"));
    let is_bare = cmdline.has(&key) || cmdline.has(&dashed);
    if let Some(is_on) = on_line.or(is_bare.then_some(true)) {
        return Some(Configured {
            place: format!("{key} on the kernel command line"),
            is_on,
            apply: "reboot".to_owned(),
        });
    }
    let is_in_force = !facts.modules.is_built_in(module);
    let rules = facts.modprobe.rules();
    let rules = rules.filter(|(_, rule)| is_in_force && rule.is(Directive::Options, module));
    let values = rules.flat_map(|(path, rule)| {
        let words = rule.words.into_iter();
        words.filter_map(move |word| Some((path, value(&word, name)?)))
    });
    let (path, is_on) = values.last()?;
    Some(Configured {
        place: format!("`options {module}` in {path}"),
        is_on,
        apply: facts.initramfs.rebuild(),
    })
}

/// How to set a switch for the next boots.
pub(super) fn keep(module: &str, name: &str, facts: &HostFacts) -> String {
    if facts.modules.is_built_in(module) {
        return facts.boot.with(&format!("{module}.{name}=1"));
    }
    let rules = facts.modprobe.rules();
    let mut own = rules
        .filter(|(path, rule)| path.starts_with("/etc/") && rule.is(Directive::Options, module));
    let file = own
        .next()
        .map_or("/etc/modprobe.d/vfio.conf", |(path, _)| path);
    modprobe::addition(&format!("options {module} {name}=1"), file, facts)
}

/// The value of this parameter in `name=value`, or in `name` alone, which turns it on.
fn value(word: &str, name: &str) -> Option<bool> {
    match word.split_once('=') {
        None => (underscored(word) == name).then_some(true),
        Some((key, value)) => (underscored(key) == name).then(|| boolean(value))?,
    }
}

/// The kernel's words for a switch (`kstrtobool`).
fn boolean(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_bytes() {
        [b'1' | b'y' | b't', ..] | [b'o', b'n', ..] => Some(true),
        [b'0' | b'n' | b'f', ..] | [b'o', b'f', ..] => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switch_has_the_words_that_the_kernel_takes() {
        for (word, is_on) in [
            ("a_b=1", Some(true)),
            ("a-b=Y", Some(true)),
            ("a_b=on", Some(true)),
            ("a_b", Some(true)),
            ("a_b=0", Some(false)),
            ("a_b=off", Some(false)),
            ("a_b=N", Some(false)),
            ("a_b=x", None),
            ("a=1", None),
        ] {
            assert_eq!(value(word, "a_b"), is_on, "{word}");
        }
    }
}
