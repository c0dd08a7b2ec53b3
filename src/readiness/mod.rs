//! Whether a host is ready for pass-through, and what to do if it is not. Facts about the host come
//! in as plain values, findings come out: nothing here reads the machine.

mod blacklist;
pub mod boot_loader;
mod card;
mod cluster;
mod cmdline;
mod distribution;
mod finding;
mod firmware;
mod hook;
mod host;
mod image;
mod initramfs;
mod interrupts;
mod libvirt;
mod modprobe;
mod module_names;
mod modules;
mod nvswitch;
mod parameters;
mod processor;
mod programs;
mod removed_module;
mod stub;
mod summary;
mod vfio_ids;

pub use boot_loader::{Boot, BootFacts, BootLoader};
pub use card::{CardFacts, RecordFacts};
pub use cluster::ClusterFacts;
pub use cmdline::KernelCmdline;
pub use distribution::Distribution;
pub use finding::{Blocks, Finding, Verdict, exit_of};
pub use host::Platform;
pub use image::{ImageMarks, ImageSystem};
pub use initramfs::{Initramfs, TOOLS, Tool};
pub use interrupts::{Chipset, InterruptFacts, RemappingUnit};
pub use modprobe::{ConfigFile, ModprobeFacts};
pub use modules::ModuleFacts;
pub use parameters::{SWITCHES, SwitchFacts};
pub use processor::Processor;
pub use programs::Programs;
pub use stub::{DriverSource, StubFacts};
pub use summary::Summary;
pub use vfio_ids::FunctionFacts;

use crate::gpu::{CardName, Uncounted};
use crate::hook_folder::{GpupciFacts, HookFacts};
use crate::pci::PciAddress;

/// The facts about a host that are judged.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// Its distribution.
    pub distribution: Distribution,
    /// The kind of system, if it is built as an image.
    pub image: Option<ImageSystem>,
    /// How its kernel command line is configured.
    pub boot: Boot,
    /// What builds its initramfs.
    pub initramfs: Initramfs,
    /// Kernel, CPU, IOMMU.
    pub platform: Platform,
    /// Interrupt remapping.
    pub interrupts: InterruptFacts,
    /// The drivers that the cards need for guests, at least one.
    pub stubs: Vec<StubFacts>,
    /// The modules of the kernel.
    pub modules: ModuleFacts,
    /// The switches of VFIO's modules.
    pub module_switches: Vec<SwitchFacts>,
    /// The configuration of modprobe.
    pub modprobe: ModprobeFacts,
    /// The files that name modules for the initramfs, or to be loaded at boot.
    pub module_lists: Vec<ConfigFile>,
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
    /// The cards that are checked; `None` for all.
    pub only: Option<Vec<CardName>>,
    /// Why the recorded card names could not be read.
    pub names: Option<String>,
    /// libvirt's hooks; `None` if libvirt is not installed.
    pub hooks: Option<HookFacts>,
    /// The `gpupci` that the hook runs.
    pub gpupci: GpupciFacts,
    /// The cluster's attributes; `None` if there is no database.
    pub cluster: Option<ClusterFacts>,
}

impl HostFacts {
    /// The cards that are checked.
    pub fn checked_cards(&self) -> Vec<CardName> {
        let cards = self.cards.as_deref().unwrap_or_default().iter();
        let all = || cards.map(|card| card.name).collect();
        self.only.clone().unwrap_or_else(all)
    }

    /// Whether a finding is about the host, or about a card that is checked.
    fn is_asked(&self, finding: &Finding) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        match (&finding.blocks, finding.card) {
            (_, Some(card)) => only.contains(&card),
            (Blocks::Cards(cards), None) => only.iter().any(|card| cards.contains(card)),
            (_, None) => true,
        }
    }
}

/// The findings about a host: the host first, then its cards, hooks and attributes.
pub fn judge(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = host::judge(&facts.platform, &facts.boot);
    findings.extend(interrupts::judge(facts));
    findings.extend(stub::judge(facts));
    findings.extend(modprobe::judge(facts));
    findings.extend(blacklist::judge(facts));
    findings.extend(module_names::judge(facts));
    findings.extend(removed_module::judge(facts));
    findings.extend(parameters::judge(facts));
    findings.extend(vfio_ids::judge(facts));
    findings.extend(card::judge(facts));
    findings.extend(nvswitch::judge(facts));
    findings.extend(match &facts.hooks {
        Some(hooks) => hook::judge(hooks, &facts.gpupci),
        None => vec![libvirt::missing(facts)],
    });
    let counting = facts.cards.as_deref().unwrap_or_default().iter();
    let cards: Vec<&CardFacts> = counting.filter(|card| card.name.is_numbered()).collect();
    let cluster = facts.cluster.as_ref();
    findings.extend(cluster.map_or_else(Vec::new, |cluster| cluster.judge(&cards)));
    findings.retain(|finding| facts.is_asked(finding));
    findings
}
