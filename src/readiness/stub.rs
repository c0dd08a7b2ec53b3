//! The findings about the stub driver: whether it is loaded, or can be loaded.

use crate::pci::DriverName;
use crate::readiness::cmdline::underscored;
use crate::readiness::modprobe::{self, Directive};
use crate::readiness::{Blocks, CardFacts, Finding, HostFacts};

const TOPIC: &str = "vfio";

/// Where a driver is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverSource {
    /// It is built into the kernel.
    BuiltIn,
    /// It is a module.
    Module,
    /// It is not among the kernel's modules.
    Missing,
    /// The modules of the running kernel are not installed.
    NoModules,
}

/// The facts about the stub driver.
#[derive(Clone, Debug)]
pub struct StubFacts {
    /// Its name.
    pub driver: DriverName,
    /// Whether it is loaded.
    pub is_loaded: bool,
    /// Where it is found.
    pub source: DriverSource,
    /// What the settings call it, if that is not its name.
    pub misspelled: Option<DriverName>,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let judged = facts.stubs.iter().flat_map(|stub| {
        let mut findings = vec![presence(stub, facts)];
        findings.extend(misspelled(stub));
        findings.extend(load_problem(stub, facts));
        let findings = findings.into_iter();
        findings.map(|finding| blocking_own_cards(finding, stub, facts))
    });
    judged.collect()
}

/// The finding; a failure blocks only the cards that need this driver.
fn blocking_own_cards(finding: Finding, stub: &StubFacts, facts: &HostFacts) -> Finding {
    if finding.blocks != Blocks::EveryCard {
        return finding;
    }
    let needs_it = |card: &&CardFacts| card.view.bindings.iter().any(|b| b.stub == stub.driver);
    let cards = facts.cards.as_deref().unwrap_or_default().iter();
    let cards = cards.filter(needs_it).map(|card| card.name);
    finding.blocking(Blocks::Cards(cards.collect()))
}

/// A name with `-` for `_`: modprobe takes both, the kernel's files do not.
fn misspelled(stub: &StubFacts) -> Option<Finding> {
    let (driver, name) = (&stub.driver, stub.misspelled.as_ref()?);
    let text = format!("`stub` in /etc/gpupt.toml is {name}, but the driver is called {driver}");
    Some(Finding::warn(
        TOPIC,
        text,
        format!("set `stub = \"{driver}\"`"),
    ))
}

fn presence(stub: &StubFacts, facts: &HostFacts) -> Finding {
    let driver = &stub.driver;
    if stub.is_loaded {
        return Finding::pass(TOPIC, format!("the driver {driver} is loaded"));
    }
    let release = &facts.platform.release;
    let modules = || match facts.image {
        Some(image) => image.modules().to_owned(),
        None => facts.distribution.modules(release),
    };
    match stub.source {
        DriverSource::BuiltIn => Finding::pass(
            TOPIC,
            format!("the driver {driver} is built into the kernel"),
        ),
        DriverSource::Module => Finding::pass(
            TOPIC,
            format!("the driver {driver} is a module, which is loaded when it is needed"),
        ),
        DriverSource::Missing => Finding::fail(
            TOPIC,
            format!("this kernel has no driver {driver}, neither built in nor as a module"),
            modules(),
        ),
        DriverSource::NoModules => Finding::fail(
            TOPIC,
            format!(
                "the driver {driver} is not loaded, and /lib/modules has nothing for the running \
                 kernel ({release})"
            ),
            format!("reboot into the installed kernel, or {}", modules()),
        ),
    }
}

/// What prevents the driver from being loaded: a warning if it is loaded already.
fn load_problem(stub: &StubFacts, facts: &HostFacts) -> Option<Finding> {
    let driver = &stub.driver;
    let (problem, remedy) =
        blacklisted(driver, facts).or_else(|| install_command(driver, facts))?;
    Some(if stub.is_loaded {
        let text = format!("{problem}: {driver} is loaded now, but may not be after the next boot");
        Finding::warn(TOPIC, text, remedy)
    } else if stub.source == DriverSource::BuiltIn {
        Finding::pass(
            TOPIC,
            format!("{problem}, which has no effect: it is built into the kernel"),
        )
    } else {
        Finding::fail(
            TOPIC,
            format!("{problem}: {driver} cannot be loaded"),
            remedy,
        )
    })
}

fn blacklisted(driver: &DriverName, facts: &HostFacts) -> Option<(String, String)> {
    let driver = driver.as_str();
    let cmdline = &facts.platform.cmdline;
    for key in ["modprobe.blacklist", "module_blacklist"] {
        if cmdline
            .parts(key)
            .any(|one| underscored(one) == underscored(driver))
        {
            let problem = format!("{key} on the kernel command line names {driver}");
            let remedy = facts.boot.without(&format!("{key}={driver}"));
            return Some((problem, remedy));
        }
    }
    let (path, rule) = facts.modprobe.rule_of(Directive::Blacklist, driver)?;
    let problem = format!("{path} blacklists {driver}");
    Some((problem, removed(&rule.start(), path, facts)))
}

/// How to remove a line: the driver can then be loaded without a reboot, unless the system is built as an image.
fn removed(line: &str, path: &str, facts: &HostFacts) -> String {
    let what = format!("`{line}` from");
    match facts.image {
        Some(_) => modprobe::removal(&what, path, facts),
        None => modprobe::edit(&what, path, facts),
    }
}

/// `install vfio-pci /bin/false` loads nothing; any other command may load the driver.
fn install_command(driver: &DriverName, facts: &HostFacts) -> Option<(String, String)> {
    let driver = driver.as_str();
    let (path, rule) = facts.modprobe.rule_of(Directive::Install, driver)?;
    let program = rule.words.first()?;
    let loads_nothing = matches!(program.rsplit('/').next()?, "false" | "true" | ":");
    loads_nothing.then(|| {
        let problem = format!("{path} runs {program} instead of loading {driver}");
        let line = format!("{} {program}", rule.start());
        (problem, removed(&line, path, facts))
    })
}
