//! Collects the facts of a card for `gpupci check`.

use std::time::Duration;

use crate::binding::Stub;
use crate::failure::sentence;
use crate::gpu::GpuCard;
use crate::host::Machine;
use crate::paths::PCI_DEVICES;
use crate::pci::PciAddress;
use crate::readiness::{CardFacts, RecordFacts};

impl Machine {
    /// The facts of `card`, one of the `cards` of this machine, without its users and its record.
    pub fn card_facts(&self, card: &GpuCard, cards: &[GpuCard], stub: &Stub) -> CardFacts {
        let display = card.display.address;
        let functions: Vec<PciAddress> = card.functions.iter().map(|f| f.address).collect();
        let (view, mut errors) = self.card_view(card, cards, stub);
        errors.extend(self.identity(display).err());
        let is_boot = |f: &PciAddress| self.sysfs_attribute(*f, "boot_vga").as_deref() == Some("1");
        CardFacts {
            name: card.name,
            display,
            is_boot_display: functions.iter().any(is_boot),
            functions,
            variants: Vec::new(),
            groups: view.groups.clone(),
            view,
            resets: self.resets(display),
            power_state: self.sysfs_attribute(display, "power_state"),
            record: RecordFacts::None,
            unreadable: errors.iter().map(|error| sentence(error)).collect(),
        }
    }

    /// Adds the users of `card`.
    pub fn add_users(
        &self,
        facts: &mut CardFacts,
        card: &GpuCard,
        cards: &[GpuCard],
        deadline: Duration,
    ) {
        let users = self.card_users(card, cards, deadline);
        facts.view.users = users.found;
        facts.view.unseen = users.unseen;
    }

    /// The reset methods of a function. Linux before 5.15 shows only whether there is one.
    fn resets(&self, function: PciAddress) -> Option<String> {
        let methods = self.sysfs_attribute(function, "reset_method");
        methods.or_else(|| {
            let can = self.exists(&format!("{PCI_DEVICES}/{function}/reset"));
            can.then(|| "the kernel chooses the method".to_owned())
        })
    }
}
