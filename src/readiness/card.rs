//! The findings about one card: why `gpupci detach` would refuse it now, and what may go wrong in a
//! guest (reset, power state, boot display).

mod refusal;

use crate::binding::{Binding, CardView, Phase, Refusal, judge_detach};
use crate::gpu::CardName;
use crate::pci::{DriverName, IommuGroup, PciAddress};
use crate::readiness::card::refusal::finding_of;
use crate::readiness::{Blocks, Finding, HostFacts, parameters};

/// What the record of a card says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFacts {
    /// There is no record.
    None,
    /// The phase that is recorded.
    Phase(Phase),
    /// The record could not be read, and why.
    Unreadable(String),
}

/// What is known of a card.
#[derive(Clone, Debug)]
pub struct CardFacts {
    /// Its name.
    pub name: CardName,
    /// Its display function.
    pub display: PciAddress,
    /// All its functions.
    pub functions: Vec<PciAddress>,
    /// The facts that decide whether it can be detached.
    pub view: CardView,
    /// Functions for which the kernel has a variant of vfio-pci, and that driver.
    pub variants: Vec<(PciAddress, DriverName)>,
    /// The IOMMU groups of its functions.
    pub groups: Vec<IommuGroup>,
    /// Whether it is the boot display (`boot_vga`).
    pub is_boot_display: bool,
    /// Its reset methods; `None` if it has none.
    pub resets: Option<String>,
    /// Its power state: `D0`, `D3cold`.
    pub power_state: Option<String>,
    /// Its record.
    pub record: RecordFacts,
    /// Why parts of it could not be read.
    pub unreadable: Vec<String>,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = card_count(facts).into_iter().collect();
    let has_cards = facts.cards.as_ref().is_ok_and(|cards| !cards.is_empty());
    let sentence = facts.uncounted.sentence().filter(|_| has_cards);
    findings.extend(sentence.map(|text| Finding::pass("cards", text)));
    findings.extend(facts.names.as_ref().map(|why| {
        let text = format!("the recorded card names could not be read: {why}");
        Finding::fail("names", text, "gpupci renumber")
    }));
    for card in facts.cards.as_deref().unwrap_or_default() {
        let judged = card.judge(facts.platform.group_count > 0).into_iter();
        findings.extend(
            judged
                .chain(card.power(facts))
                .map(|finding| finding.of(card.name)),
        );
    }
    findings
}

/// `None` if only cards that do not count were asked for.
fn card_count(facts: &HostFacts) -> Option<Finding> {
    const TOPIC: &str = "cards";
    let cards = match facts.cards.as_deref() {
        Err(why) => {
            let text = format!("the cards of this host could not be read: {why}");
            let remedy = "check that /sys is mounted and that this host has a PCI bus";
            return Some(Finding::fail(TOPIC, text, remedy));
        }
        Ok([]) => return Some(no_card(facts)),
        Ok(cards) => cards,
    };
    let names = cards.iter().map(|card| card.name);
    let counting: Vec<CardName> = names.filter(|name| name.is_numbered()).collect();
    let text = match counting.as_slice() {
        [] => return None,
        [card] => format!("this host has 1 card: {card}"),
        cards => format!("this host has {} cards", cards.len()),
    };
    Some(Finding::pass(TOPIC, text))
}

fn no_card(facts: &HostFacts) -> Finding {
    let vendors = facts.vendors.join(", ");
    let none = format!("this host has no card of vendor {vendors}");
    if facts.uncounted.displays.is_empty() {
        let remedy = "run `lspci -nn`; a card that it does not show has no power or has failed";
        return Finding::fail("cards", none, remedy);
    }
    let shown = facts.uncounted.shown();
    let text = format!("{none}; other vendors: {shown}");
    Finding::fail("cards", text, facts.uncounted.remedy())
}

impl CardFacts {
    fn judge(&self, has_groups: bool) -> Vec<Finding> {
        let mut findings = self.unreadable();
        findings.push(self.drivers());
        findings.extend(self.variants());
        let refusals = judge_detach(&self.view, &[]);
        // A problem of the whole host has one finding, not one for each card.
        let is_of_card = |refusal: &&Refusal| match refusal {
            Refusal::NoGroup(_) => has_groups,
            Refusal::NoOverride(_) => false,
            // Also a card without a host driver shares the group.
            Refusal::GroupShared {
                card: Some(_),
                host_uses,
                ..
            } => !host_uses.is_empty(),
            _ => true,
        };
        findings.extend(refusals.iter().filter(is_of_card).map(finding_of));
        findings.extend(self.shared_groups(&refusals));
        let is_open = |topic| findings.iter().all(|finding| finding.topic != topic);
        let passes = [self.group(), not_in_use(), self.console()];
        let passes = passes
            .into_iter()
            .flatten()
            .filter(|pass| is_open(pass.topic));
        let passes: Vec<Finding> = passes.collect();
        findings.extend(passes);
        findings.push(self.reset());
        findings.extend(self.record());
        findings
    }

    fn unreadable(&self) -> Vec<Finding> {
        let fail = |why| {
            let text = format!("it could not be read completely: {why}");
            Finding::fail(
                "sysfs",
                text,
                "check the file, then run `gpupci check` again",
            )
        };
        self.unreadable.iter().map(fail).collect()
    }

    /// The drivers it is bound to. After a crash, only some functions may be on the stub driver.
    fn drivers(&self) -> Finding {
        const TOPIC: &str = "driver";
        let (detached, others): (Vec<&Binding>, Vec<&Binding>) = self
            .view
            .bindings
            .iter()
            .partition(|binding| binding.is_detached());
        let with_host_driver = || others.iter().filter(|binding| binding.driver.is_some());
        let stubs = drivers_of(&detached);
        if let Some(left) = with_host_driver().next().filter(|_| !detached.is_empty()) {
            let text = format!(
                "it is only partly bound to {stubs}: {} is bound to {}",
                left.function,
                driver_of(left)
            );
            // The host may need its screen, so it gets back what a guest cannot use now.
            let command = if self.is_boot_display {
                "attach"
            } else {
                "detach"
            };
            return Finding::warn(TOPIC, text, format!("gpupci {command} {}", self.name));
        }
        if with_host_driver().next().is_none() && detached.is_empty() {
            Finding::pass(TOPIC, "it is bound to no driver")
        } else if detached.is_empty() {
            let drivers = drivers_of(&others);
            Finding::pass(
                TOPIC,
                format!("it is bound to its host drivers ({drivers})"),
            )
        } else {
            Finding::pass(TOPIC, format!("it is bound to {stubs}, ready for a guest"))
        }
    }

    /// Whether its functions get the variants of vfio-pci that the kernel has for them.
    fn variants(&self) -> Vec<Finding> {
        let wanted = self.variants.iter().filter_map(|(function, variant)| {
            let mut bindings = self.view.bindings.iter();
            let now = bindings.find(|now| now.function == *function)?;
            (now.driver.as_ref() != Some(variant)).then(|| self.variant(now, variant))
        });
        wanted.collect()
    }

    fn variant(&self, now: &Binding, variant: &DriverName) -> Finding {
        const TOPIC: &str = "driver";
        let function = now.function;
        let theirs = format!("the kernel's VFIO driver for {function} is {variant}");
        if now.is_detached() {
            let text = format!("{theirs}, but it is bound to {}", driver_of(now));
            let remedy = format!("gpupci attach {0}; gpupci detach {0}", self.name);
            Finding::warn(TOPIC, text, remedy)
        } else if now.stub == *variant {
            Finding::pass(TOPIC, format!("{theirs}; a guest gets it on this driver"))
        } else {
            let text = format!("{theirs}, but /etc/gpupt.toml chooses {}", now.stub);
            Finding::warn(TOPIC, text, "remove the line with `stub`")
        }
    }

    /// The other cards of its groups. If this card is refused without another, both go to a guest together.
    fn shared_groups(&self, refusals: &[Refusal]) -> Vec<Finding> {
        let mut shared: Vec<(CardName, IommuGroup)> = Vec::new();
        for neighbour in &self.view.neighbours {
            if let Some(card) = neighbour.card
                && !shared.contains(&(card, neighbour.group))
            {
                shared.push((card, neighbour.group));
            }
        }
        let warn = |(other, group)| {
            let finding = Finding::warn(
                "iommu-group",
                format!("{other} shares IOMMU group {group}: give both to one guest"),
                "to give them to two guests, enable ACS in the firmware setup, or move one of them \
                 to another slot",
            );
            let is_needed = |refusal: &Refusal| matches!(refusal, Refusal::GroupShared { card: Some(card), .. } if *card == other);
            finding.blocking(match refusals.iter().any(is_needed) {
                true => Blocks::CardWithout(other),
                false => Blocks::Nothing,
            })
        };
        shared.into_iter().map(warn).collect()
    }

    fn group(&self) -> Option<Finding> {
        let numbers: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        let word = match numbers.as_slice() {
            [] => return None,
            [_] => "group",
            _ => "groups",
        };
        let text = format!(
            "no other device in IOMMU {word} {} blocks it",
            numbers.join(", ")
        );
        Some(Finding::pass("iommu-group", text))
    }

    fn console(&self) -> Option<Finding> {
        const TOPIC: &str = "console";
        let is_detached = self
            .view
            .bindings
            .iter()
            .all(|binding| binding.is_detached());
        Some(if self.is_boot_display && !is_detached {
            Finding::warn(
                TOPIC,
                "this is the boot display; without it the host may have no screen",
                "choose another primary display in the firmware setup, or make sure that you can \
                 reach the host over the network",
            )
        } else {
            Finding::pass(TOPIC, "it does not show the host's console")
        })
    }

    fn reset(&self) -> Finding {
        const TOPIC: &str = "reset";
        match &self.resets {
            Some(methods) => Finding::pass(TOPIC, format!("it can be reset ({methods})")),
            None => Finding::warn(
                TOPIC,
                "the kernel has no way to reset it: it may fail in its next guest until the host \
                 reboots",
                "to test it, start a guest with it twice; a reboot of the host resets it",
            ),
        }
    }

    fn power(&self, facts: &HostFacts) -> Option<Finding> {
        const TOPIC: &str = "power";
        let function = self.display;
        match self.power_state.as_deref()? {
            "D3cold" => Some(Finding::warn(
                TOPIC,
                "it is powered off (D3cold), and some cards do not wake up for a guest",
                format!(
                    "echo 0 > /sys/bus/pci/devices/{function}/d3cold_allowed, and {}",
                    parameters::keep("vfio_pci", "disable_idle_d3", facts)
                ),
            )),
            "error" => Some(Finding::warn(
                TOPIC,
                "its power state could not be read: it may have fallen off the bus",
                "check `dmesg` for messages about the card; a reboot may help",
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
                "a detach or attach is still running or was interrupted",
                "if none is running: gpupci recover",
            )),
            RecordFacts::Unreadable(why) => Some(Finding::fail(
                TOPIC,
                format!("its record could not be read: {why}"),
                "check the file, then move it away",
            )),
        }
    }
}

/// The drivers of these functions, each once.
fn drivers_of(bindings: &[&Binding]) -> String {
    let bound = bindings.iter().filter(|binding| binding.driver.is_some());
    let mut drivers: Vec<String> = bound.map(|binding| driver_of(binding)).collect();
    drivers.dedup();
    drivers.join(", ")
}

fn driver_of(binding: &Binding) -> String {
    let driver = binding.driver.as_ref();
    driver.map_or_else(|| "no driver".to_owned(), ToString::to_string)
}

fn not_in_use() -> Option<Finding> {
    Some(Finding::pass("use", "it is not in use"))
}

#[cfg(test)]
mod tests;
