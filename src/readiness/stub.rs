//! The stub driver, by which guests get their cards: whether it is here, or can be loaded.

use crate::pci::DriverName;
use crate::readiness::kernel_line::underscored;
use crate::readiness::{Finding, HostFacts};

const TOPIC: &str = "vfio";

/// Where a driver would come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provision {
    /// It is part of the kernel.
    BuiltIn,
    /// There is a module.
    Module,
    /// The kernel's modules are here, and it is not among them.
    Missing,
    /// The modules of the kernel that runs are not here.
    NoModules,
}

/// What is known of the stub driver.
#[derive(Clone, Debug)]
pub struct StubFacts {
    /// Its name.
    pub driver: DriverName,
    /// Whether the kernel has it already.
    pub is_loaded: bool,
    /// Where it would come from.
    pub provision: Provision,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = vec![presence(facts)];
    findings.extend(obstacle(facts));
    findings
}

fn presence(facts: &HostFacts) -> Finding {
    let driver = &facts.stub.driver;
    if facts.stub.is_loaded {
        return Finding::pass(TOPIC, format!("the driver {driver} is loaded"));
    }
    let release = &facts.platform.release;
    match facts.stub.provision {
        Provision::BuiltIn => Finding::pass(
            TOPIC,
            format!("the driver {driver} is built into the kernel"),
        ),
        Provision::Module => Finding::pass(
            TOPIC,
            format!("the driver {driver} is a module, which is loaded when it is needed"),
        ),
        Provision::Missing => Finding::fail(
            TOPIC,
            format!("this kernel has no driver {driver}, neither built in nor as a module"),
            facts.distribution.modules(release),
        ),
        Provision::NoModules => Finding::fail(
            TOPIC,
            format!(
                "the driver {driver} is not loaded, and /lib/modules has nothing for the running \
                 kernel ({release})"
            ),
            format!(
                "reboot into the installed kernel, or {}",
                facts.distribution.modules(release)
            ),
        ),
    }
}

/// What would keep the driver from being loaded. It matters only until the driver is there.
fn obstacle(facts: &HostFacts) -> Option<Finding> {
    let (what, remedy) = blacklisted(facts).or_else(|| replaced(facts))?;
    let driver = &facts.stub.driver;
    Some(if facts.stub.is_loaded {
        let text = format!("{what}: {driver} is loaded now, but may not be after the next boot");
        Finding::warn(TOPIC, text, remedy)
    } else if facts.stub.provision == Provision::BuiltIn {
        Finding::pass(
            TOPIC,
            format!("{what}, which has no effect: it is built into the kernel"),
        )
    } else {
        Finding::fail(TOPIC, format!("{what}: {driver} cannot be loaded"), remedy)
    })
}

fn blacklisted(facts: &HostFacts) -> Option<(String, String)> {
    let driver = facts.stub.driver.as_str();
    let line = &facts.platform.line;
    for key in ["modprobe.blacklist", "module_blacklist"] {
        if line
            .parts(key)
            .any(|one| underscored(one) == underscored(driver))
        {
            let what = format!("{key} on the kernel command line names {driver}");
            let remedy = facts
                .distribution
                .without_argument(&format!("{key}={driver}"));
            return Some((what, remedy));
        }
    }
    let path = facts.modprobe.blacklist_of(driver)?;
    let what = format!("{path} blacklists {driver}");
    Some((what, format!("remove `blacklist {driver}` from {path}")))
}

/// `install vfio-pci /bin/false` has nothing loaded; any other command may well load it.
fn replaced(facts: &HostFacts) -> Option<(String, String)> {
    let driver = facts.stub.driver.as_str();
    let (path, command) = facts.modprobe.install_of(driver)?;
    let program = command.split_ascii_whitespace().next()?;
    let is_nothing = matches!(program.rsplit('/').next()?, "false" | "true" | ":");
    is_nothing.then(|| {
        let what = format!("{path} runs {program} instead of loading {driver}");
        (
            what,
            format!("remove `install {driver} {program}` from {path}"),
        )
    })
}
