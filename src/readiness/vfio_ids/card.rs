//! What the ids name of each card, and what these functions are bound to now.

use crate::gpu::CardName;
use crate::listing::listed;
use crate::readiness::blacklist::DARK;
use crate::readiness::vfio_ids::TOPIC;
use crate::readiness::vfio_ids::option::IdsOption;
use crate::readiness::{Finding, FunctionFacts, HostFacts};

/// The functions of a card, or a device that is no part of one, of which ids name some.
pub(super) struct Named<'f> {
    card: Option<CardName>,
    /// Those that are named, at least one.
    own: Vec<&'f FunctionFacts>,
    /// The other functions of the card.
    others: Vec<&'f FunctionFacts>,
}

pub(super) fn judge(option: &IdsOption, facts: &HostFacts) -> Vec<Finding> {
    let all = named(option, facts);
    let mut findings = Vec::new();
    let mut bound = Vec::new();
    for named in &all {
        match named.trouble(option, facts) {
            trouble if trouble.is_empty() => bound.push(named.shown()),
            trouble => findings.extend(trouble),
        }
    }
    if !bound.is_empty() {
        let text = format!("{} binds {} at boot", option.place, bound.join(" and "));
        findings.insert(0, Finding::pass(TOPIC, text));
    }
    findings
}

/// What the option names, by card.
pub(super) fn named<'f>(option: &IdsOption, facts: &'f HostFacts) -> Vec<Named<'f>> {
    let cards = facts.cards.as_deref().unwrap_or_default();
    let functions = || facts.functions.iter();
    let of_cards = cards.iter().map(|card| {
        let of_card = functions().filter(|function| card.functions.contains(&function.address));
        let (own, others) = of_card.partition(|function| option.has(function));
        Named {
            card: Some(card.name),
            own,
            others,
        }
    });
    let is_free = |function: &&FunctionFacts| {
        let mut cards = cards.iter();
        option.has(function) && !cards.any(|card| card.functions.contains(&function.address))
    };
    let free = functions().filter(is_free).map(|function| Named {
        card: None,
        own: vec![function],
        others: Vec::new(),
    });
    of_cards
        .chain(free)
        .filter(|named| !named.own.is_empty())
        .collect()
}

impl Named<'_> {
    /// `gpupci2 (0000:2b:00.0, 0000:2b:00.1)`; `0000:03:00.0 (not part of a card)`.
    pub(super) fn shown(&self) -> String {
        let own: Vec<String> = self.own.iter().map(|f| f.address.to_string()).collect();
        let own = own.join(", ");
        match self.card {
            Some(card) => format!("{card} ({own})"),
            None => format!("{own} (not part of a card)"),
        }
    }

    /// Where the running host differs from what the ids say.
    fn trouble(&self, option: &IdsOption, facts: &HostFacts) -> Vec<Finding> {
        let dark = self.boot_display().map(|display| {
            let address = display.address;
            format!("names {address}, the boot display: {DARK}")
        });
        let texts = [dark, self.partial(), self.unbound(), self.elsewhere(facts)];
        let texts = texts.into_iter().flatten();
        let delay = option.delay(facts);
        let delay = delay.map_or_else(String::new, |delay| format!("; {delay}"));
        let findings = texts.map(|text| {
            let text = format!("{} {text}{delay}", option.place);
            self.about(Finding::warn(TOPIC, text, self.remedy(option, facts)))
        });
        findings.collect()
    }

    fn about(&self, finding: Finding) -> Finding {
        match self.card {
            Some(card) => finding.of(card),
            None => finding,
        }
    }

    /// The boot display, if it is named.
    fn boot_display(&self) -> Option<&FunctionFacts> {
        self.own
            .iter()
            .copied()
            .find(|function| function.is_boot_display)
    }

    /// Ids that name some functions of a card only: a group goes to a guest as a whole.
    fn partial(&self) -> Option<String> {
        let card = self.card?;
        let on_host: Vec<&FunctionFacts> = on_host_drivers(&self.others);
        let (stay, driver) = match on_host.as_slice() {
            [] => return None,
            [_] => ("stays on its", "driver"),
            _ => ("stay on their", "drivers"),
        };
        Some(format!(
            "names {} of {} functions of {card}; {} {stay} host {driver} ({})",
            number(self.own.len()),
            number(self.own.len() + self.others.len()),
            addresses(&on_host),
            drivers(&on_host).join(", ")
        ))
    }

    /// Functions that nothing is bound to.
    fn unbound(&self) -> Option<String> {
        let own = self.own.iter().copied();
        let unbound: Vec<&FunctionFacts> = own.filter(|f| f.driver.is_none()).collect();
        let shown = addresses(&unbound);
        match unbound.len() {
            0 => None,
            1 => Some(format!(
                "names {shown}, but it has no driver: it was not bound at boot"
            )),
            _ => Some(format!(
                "names {shown}, but they have no driver: they were not bound at boot"
            )),
        }
    }

    /// Functions that are bound to other drivers.
    fn elsewhere(&self, facts: &HostFacts) -> Option<String> {
        let bound = on_host_drivers(&self.own);
        let shown = addresses(&bound);
        let drivers = named_drivers(&bound, facts);
        match bound.len() {
            0 => None,
            1 => Some(format!(
                "names {shown}, but it is bound to {drivers}, which was loaded before vfio-pci or was \
                 bound later"
            )),
            _ => Some(format!(
                "names {shown}, but they are bound to {drivers}, which were loaded before vfio-pci or \
                 were bound later"
            )),
        }
    }

    /// Takes the ids out, and names the command that binds all functions without them. It would take the
    /// screen from the host, too.
    fn remedy(&self, option: &IdsOption, facts: &HostFacts) -> String {
        let removal = option.removal(facts);
        match self.card {
            Some(card) if self.boot_display().is_none() => format!(
                "{removal}; `gpupci detach {card}` binds all functions of the card without ids"
            ),
            _ => removal,
        }
    }
}

fn on_host_drivers<'f>(functions: &[&'f FunctionFacts]) -> Vec<&'f FunctionFacts> {
    let functions = functions.iter().copied();
    let on_host = functions.filter(|function| function.driver.is_some() && !function.is_vfio);
    on_host.collect()
}

fn addresses(functions: &[&FunctionFacts]) -> String {
    let addresses = functions.iter().map(|function| function.address);
    listed(&addresses.collect::<Vec<_>>())
}

/// The drivers, each once.
fn drivers<'f>(functions: &[&'f FunctionFacts]) -> Vec<&'f str> {
    let mut drivers: Vec<&str> = Vec::new();
    for driver in functions
        .iter()
        .filter_map(|function| function.driver.as_ref())
    {
        if !drivers.contains(&driver.as_str()) {
            drivers.push(driver.as_str());
        }
    }
    drivers
}

/// `snd_hda_intel and xhci_hcd (module xhci_pci)`.
fn named_drivers(functions: &[&FunctionFacts], facts: &HostFacts) -> String {
    let drivers = drivers(functions).into_iter();
    let shown = drivers.map(|driver| match facts.modules.renamed(driver) {
        Some(renamed) => format!("{driver} (module {})", renamed.module),
        None => driver.to_owned(),
    });
    listed(&shown.collect::<Vec<_>>())
}

/// A card has eight functions at most.
fn number(count: usize) -> String {
    const WORDS: [&str; 8] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight",
    ];
    let word = count.checked_sub(1).and_then(|index| WORDS.get(index));
    word.map_or_else(|| count.to_string(), |word| (*word).to_owned())
}
