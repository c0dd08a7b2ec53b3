//! One card: whether a guest could have it now, by the same reasons for which `gpupci detach` would
//! refuse, and whether it would come through that well.

mod refused;

use crate::binding::{Binding, CardView, Phase, Refusal, judge_detach};
use crate::gpu::CardName;
use crate::pci::{DriverName, IommuGroup, PciAddress};
use crate::readiness::card::refused::refused;
use crate::readiness::{Finding, HostFacts};

/// What is written down of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFacts {
    /// Nothing.
    None,
    /// How far it had come.
    Phase(Phase),
    /// Something, which cannot be read.
    Unreadable(String),
}

/// What is known of a card.
#[derive(Clone, Debug)]
pub struct CardFacts {
    /// Its name.
    pub name: CardName,
    /// The function by which it is known.
    pub display: PciAddress,
    /// All its functions.
    pub functions: Vec<PciAddress>,
    /// What speaks for or against detaching it.
    pub view: CardView,
    /// The IOMMU groups of its functions.
    pub groups: Vec<IommuGroup>,
    /// Whether the firmware showed its pictures on it (`boot_vga`).
    pub is_boot_display: bool,
    /// By which methods it can be reset; `None` where there is none.
    pub resets: Option<String>,
    /// Whether it sleeps: `D0`, `D3cold`.
    pub power_state: Option<String>,
    /// What is written down of it.
    pub record: RecordFacts,
    /// What of it cannot be told.
    pub untold: Vec<String>,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = vec![count(facts)];
    findings.extend(facts.names.as_ref().map(|why| {
        let text = format!("the names of the cards cannot be read: {why}");
        Finding::fail("names", text, "gpupci renumber")
    }));
    for card in facts.cards.as_deref().unwrap_or_default() {
        let judged = card.judge(&facts.stub.driver, facts.platform.groups > 0);
        findings.extend(judged.into_iter().map(|finding| finding.of(card.name)));
    }
    findings
}

fn count(facts: &HostFacts) -> Finding {
    const TOPIC: &str = "cards";
    match facts.cards.as_deref() {
        Err(why) => Finding::fail(
            TOPIC,
            format!("the cards of this host cannot be told: {why}"),
            "see that /sys is mounted and that this is a PCI host",
        ),
        Ok([]) => Finding::warn(
            TOPIC,
            format!(
                "there is no card of vendor {} here",
                facts.vendors.join(", ")
            ),
            "see `lspci -nn`; cards of other vendors are found by --vendor, or by `vendors` in \
             /etc/gpupt.toml",
        ),
        Ok([card]) => Finding::pass(TOPIC, format!("this host has the card {}", card.name)),
        Ok(cards) => Finding::pass(TOPIC, format!("this host has {} cards", cards.len())),
    }
}

impl CardFacts {
    fn judge(&self, stub: &DriverName, has_groups: bool) -> Vec<Finding> {
        let mut findings = self.untold();
        findings.push(self.drivers(stub));
        let refusals = judge_detach(&self.view, stub, &[]);
        // What ails the whole host is said once, and not again of each card.
        let counts = |refusal: &&Refusal| match refusal {
            Refusal::NoGroup(_) => has_groups,
            Refusal::NoOverride(_) => false,
            _ => true,
        };
        findings.extend(refusals.iter().filter(counts).map(refused));
        let is_open = |topic| findings.iter().all(|finding| finding.topic != topic);
        let praises = [self.alone(), unused(), self.display(stub)];
        let praises = praises.into_iter().flatten().filter(|p| is_open(p.topic));
        let praises: Vec<Finding> = praises.collect();
        findings.extend(praises);
        findings.push(self.reset());
        findings.extend(self.power());
        findings.extend(self.record());
        findings
    }

    fn untold(&self) -> Vec<Finding> {
        let fail = |why| {
            let text = format!("not all of it can be told: {why}");
            Finding::fail("sysfs", text, "look at the file, and run this again")
        };
        self.untold.iter().map(fail).collect()
    }

    /// Which drivers have it. Neither all nor none of it on the stub driver is what a crash leaves.
    fn drivers(&self, stub: &DriverName) -> Finding {
        const TOPIC: &str = "driver";
        let (detached, others): (Vec<&Binding>, Vec<&Binding>) = self
            .view
            .bindings
            .iter()
            .partition(|binding| binding.is_detached(stub));
        let on_host = || others.iter().filter(|binding| binding.driver.is_some());
        if let Some(left) = on_host().next().filter(|_| !detached.is_empty()) {
            let text = format!(
                "it is on {stub} only in part: {} is on {}",
                left.function,
                driver_of(left)
            );
            return Finding::warn(TOPIC, text, format!("gpupci detach {}", self.name));
        }
        if on_host().next().is_none() && detached.is_empty() {
            Finding::pass(TOPIC, "no driver has it")
        } else if detached.is_empty() {
            let mut drivers: Vec<String> = on_host().map(|binding| driver_of(binding)).collect();
            drivers.dedup();
            Finding::pass(TOPIC, format!("the host has it ({})", drivers.join(", ")))
        } else {
            Finding::pass(TOPIC, format!("it is on {stub}, ready for a guest"))
        }
    }

    fn alone(&self) -> Option<Finding> {
        let numbers: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        let word = match numbers.as_slice() {
            [] => return None,
            [_] => "group",
            _ => "groups",
        };
        let text = format!(
            "nothing else in IOMMU {word} {} is in its way",
            numbers.join(", ")
        );
        Some(Finding::pass("iommu-group", text))
    }

    fn display(&self, stub: &DriverName) -> Option<Finding> {
        const TOPIC: &str = "console";
        let is_detached = self
            .view
            .bindings
            .iter()
            .all(|binding| binding.is_detached(stub));
        Some(if self.is_boot_display && !is_detached {
            Finding::warn(
                TOPIC,
                "the firmware shows its pictures on it: without it this host may stay dark",
                "choose another display in the firmware setup, or be sure to reach the host by \
                 network",
            )
        } else {
            Finding::pass(TOPIC, "the host's console is not on it")
        })
    }

    fn reset(&self) -> Finding {
        const TOPIC: &str = "reset";
        match &self.resets {
            Some(methods) => Finding::pass(TOPIC, format!("it can be reset ({methods})")),
            None => Finding::warn(
                TOPIC,
                "the kernel knows no way to reset it: its second guest may find it as the first \
                 one left it, or not at all",
                "start a guest with it twice, and see; a reboot of the host resets it",
            ),
        }
    }

    fn power(&self) -> Option<Finding> {
        const TOPIC: &str = "power";
        let function = self.display;
        match self.power_state.as_deref()? {
            "D3cold" => Some(Finding::warn(
                TOPIC,
                "it is switched off (D3cold), and some cards do not wake up for a guest",
                format!(
                    "echo 0 > /sys/bus/pci/devices/{function}/d3cold_allowed, and `options \
                     vfio-pci disable_idle_d3=1` in /etc/modprobe.d/vfio.conf"
                ),
            )),
            "error" => Some(Finding::warn(
                TOPIC,
                "its power state cannot be told: it may have dropped off the bus",
                "see what `dmesg` says of it; a reboot may bring it back",
            )),
            _ => None,
        }
    }

    fn record(&self) -> Option<Finding> {
        const TOPIC: &str = "record";
        match &self.record {
            RecordFacts::None | RecordFacts::Phase(Phase::Detached) => None,
            RecordFacts::Phase(Phase::Detaching | Phase::Attaching) => Some(Finding::warn(
                TOPIC,
                "a command that began to hand it over has not ended, or died",
                "if none is at work: gpupci recover",
            )),
            RecordFacts::Unreadable(why) => Some(Finding::fail(
                TOPIC,
                format!("what is written down of it cannot be read: {why}"),
                "look at the file, then move it away",
            )),
        }
    }
}

fn driver_of(binding: &Binding) -> String {
    let driver = binding.driver.as_ref();
    driver.map_or_else(|| "no driver".to_owned(), ToString::to_string)
}

fn unused() -> Option<Finding> {
    Some(Finding::pass("use", "nobody uses it"))
}

#[cfg(test)]
mod tests;
