//! Whether a host is ready for pass-through, and what to do if it is not. Facts about the host come
//! in as plain values, findings come out: nothing here reads the machine.

mod card;
mod cluster;
mod cmdline;
mod distribution;
mod hook;
mod host;
mod interrupts;
mod modprobe;
mod nvswitch;
mod stub;
mod vfio_ids;

pub use card::{CardFacts, RecordFacts};
pub use cluster::ClusterFacts;
pub use cmdline::KernelCmdline;
pub use distribution::{Distribution, Loader};
pub use host::{CpuVendor, Platform};
pub use interrupts::{Chipset, InterruptFacts, RemappingUnit};
pub use modprobe::{ConfigFile, ModprobeFacts};
pub use stub::{DriverSource, StubFacts};
pub use vfio_ids::FunctionFacts;

use std::fmt;

use crate::escape::printable;
use crate::exit::Exit;
use crate::gpu::{CardName, Uncounted};
use crate::hook_folder::HookFacts;
use crate::pci::PciAddress;

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It can cause a problem, now or later.
    Warn,
    /// A guest cannot get its card.
    Fail,
}

impl Verdict {
    /// `pass`, `warn` or `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The result.
    pub verdict: Verdict,
    /// A word for programs: `iommu-kernel`.
    pub topic: &'static str,
    /// The card it is about; `None` for the host.
    pub card: Option<CardName>,
    /// What was found: a sentence, safe on a terminal.
    pub text: String,
    /// The line to add or the command to run, safe on a terminal.
    pub remedy: Option<String>,
    exit: Exit,
}

impl Finding {
    fn new(verdict: Verdict, topic: &'static str, text: impl fmt::Display) -> Self {
        Self {
            verdict,
            topic,
            card: None,
            text: printable(text.to_string().as_bytes()).into_owned(),
            remedy: None,
            exit: match verdict {
                Verdict::Pass | Verdict::Warn => Exit::Done,
                Verdict::Fail => Exit::Unable,
            },
        }
    }

    fn pass(topic: &'static str, text: impl fmt::Display) -> Self {
        Self::new(Verdict::Pass, topic, text)
    }

    fn warn(topic: &'static str, text: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self::new(Verdict::Warn, topic, text).with_remedy(remedy)
    }

    fn fail(topic: &'static str, text: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self::new(Verdict::Fail, topic, text).with_remedy(remedy)
    }

    fn with_remedy(self, remedy: impl fmt::Display) -> Self {
        let remedy = printable(remedy.to_string().as_bytes()).into_owned();
        Self {
            remedy: Some(remedy),
            ..self
        }
    }

    fn of(self, card: CardName) -> Self {
        let card = Some(card);
        Self { card, ..self }
    }

    /// The exit code for this finding: 0 unless it is a failure.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// The facts about a host that are judged.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// Its distribution.
    pub distribution: Distribution,
    /// Kernel, CPU, IOMMU.
    pub platform: Platform,
    /// Interrupt remapping.
    pub interrupts: InterruptFacts,
    /// The drivers that the cards need for guests, at least one.
    pub stubs: Vec<StubFacts>,
    /// The configuration of modprobe.
    pub modprobe: ModprobeFacts,
    /// Every PCI function.
    pub functions: Vec<FunctionFacts>,
    /// The vendors whose cards count, as PCI ids.
    pub vendors: Vec<String>,
    /// The display functions that do not count.
    pub uncounted: Uncounted,
    /// The NVSwitches.
    pub switches: Vec<PciAddress>,
    /// The cards, or why they could not be read.
    pub cards: Result<Vec<CardFacts>, String>,
    /// Why the recorded card names could not be read.
    pub names: Option<String>,
    /// libvirt's hooks; `None` if libvirt is not installed.
    pub hooks: Option<HookFacts>,
    /// The cluster's attributes; `None` if there is no database.
    pub cluster: Option<ClusterFacts>,
}

/// The findings about a host: the host first, then its cards, hooks and attributes.
pub fn judge(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = host::judge(&facts.platform, &facts.distribution);
    findings.extend(interrupts::judge(facts));
    findings.extend(stub::judge(facts));
    findings.extend(modprobe::judge(facts));
    findings.extend(vfio_ids::judge(facts));
    findings.extend(card::judge(facts));
    findings.extend(nvswitch::judge(facts));
    findings.extend(hook::judge(facts.hooks.as_ref(), &facts.distribution));
    let cards = facts.cards.as_deref().unwrap_or_default();
    let cluster = facts.cluster.as_ref();
    findings.extend(cluster.map_or_else(Vec::new, |cluster| cluster.judge(cards)));
    findings
}

/// The exit code for these findings: that of the worst.
pub fn exit_of(findings: &[Finding]) -> Exit {
    let exits = findings.iter().map(Finding::exit);
    exits.max().unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn exit_code_is_the_largest_of_the_failures() {
        let fail = Finding::fail("a", "a", "a");
        let differs = Finding {
            exit: Exit::Differs,
            ..fail.clone()
        };
        let warn = Finding::warn("b", "b", "b");
        assert_eq!(exit_of(&[]), Exit::Done);
        assert_eq!(exit_of(std::slice::from_ref(&warn)), Exit::Done);
        assert_eq!(exit_of(&[fail.clone(), warn.clone()]), Exit::Unable);
        assert_eq!(exit_of(&[fail, differs, warn]), Exit::Differs);
    }

    #[test]
    fn finding_escapes_control_characters() {
        let finding = Finding::warn("a", "one\ntwo\u{1b}[31m", "\u{202e}\r");
        assert_eq!(finding.text, "one\\ntwo\\u{1b}[31m");
        assert_eq!(finding.remedy.as_deref(), Some("\\u{202e}\\r"));
    }
}
