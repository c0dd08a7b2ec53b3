//! Collects what is needed to decide if a card can be detached or attached.

use std::time::Duration;

use crate::binding::{CardView, GroupRule, Neighbour, Stub, in_order};
use crate::gpu::GpuCard;
use crate::host::{Machine, SysfsError, Users};
use crate::paths::DRIVERCTL;
use crate::pci::{IommuGroup, PciAddress};

/// A file of driverctl holds the name of a driver.
const DRIVERCTL_BYTES_MAX: u64 = 256;

impl Machine {
    /// The state of `card`, one of the `cards` of this machine: bindings, IOMMU groups and their other
    /// members, host use; without its users. Errors are returned beside it, so that one unreadable
    /// function does not hide the others.
    pub fn card_view(
        &self,
        card: &GpuCard,
        cards: &[GpuCard],
        stub: &Stub,
    ) -> (CardView, Vec<SysfsError>) {
        let mut view = CardView::default();
        let mut errors = Vec::new();
        for function in card.functions.iter().map(|function| function.address) {
            match self.binding(function, stub) {
                Ok(binding) => {
                    let uses = self.host_uses(&binding).into_iter();
                    view.host_uses.extend(uses.map(|one| (function, one)));
                    view.bindings.push(binding);
                }
                Err(error) => errors.push(error),
            }
            errors.extend(self.add_group(&mut view, function).err());
            self.add_host_use(&mut view, function);
        }
        in_order(&mut view.bindings);
        view.group_rule = GroupRule::of_release(&self.release());
        for group in &view.groups {
            match self.direct_regions(*group) {
                Ok(regions) if regions.is_empty() => (),
                Ok(regions) => view.direct_regions.push((*group, regions)),
                Err(error) => errors.push(error),
            }
            let members = self.group_members(*group).into_iter();
            for member in members.filter(|member| !card.has(*member)) {
                match self.neighbour(*group, member, cards) {
                    Ok(neighbour) => view.neighbours.push(neighbour),
                    Err(error) if error.is_gone() => (),
                    Err(error) => errors.push(error),
                }
            }
        }
        (view, errors)
    }

    /// The processes that use `card`, and not only a node that it shares with others of `cards`.
    pub fn card_users(&self, card: &GpuCard, cards: &[GpuCard], deadline: Duration) -> Users {
        let functions: Vec<PciAddress> = card.functions.iter().map(|f| f.address).collect();
        self.function_users(&functions, card, cards, deadline)
    }

    /// The same for some functions of `card`.
    pub fn function_users(
        &self,
        functions: &[PciAddress],
        card: &GpuCard,
        cards: &[GpuCard],
        deadline: Duration,
    ) -> Users {
        let others = cards.iter().filter(|other| other.name != card.name);
        let others = others.flat_map(|other| other.functions.iter());
        let others: Vec<PciAddress> = others.map(|function| function.address).collect();
        self.users_of(functions, &others, deadline)
    }

    /// The driver that driverctl sets for a function.
    pub fn driverctl(&self, function: PciAddress) -> Option<String> {
        let text = self.read_start_as_text(&format!("{DRIVERCTL}/{function}"), DRIVERCTL_BYTES_MAX);
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Adds the IOMMU group of a function, if the group lists the function.
    fn add_group(&self, view: &mut CardView, function: PciAddress) -> Result<(), SysfsError> {
        match self.iommu_group(function)? {
            Some(group) if self.group_members(group).contains(&function) => {
                if !view.groups.contains(&group) {
                    view.groups.push(group);
                }
            }
            _ => view.ungrouped.push(function),
        }
        Ok(())
    }

    /// Adds the host's use of a function.
    fn add_host_use(&self, view: &mut CardView, function: PciAddress) {
        if !self.has_override(function) {
            view.without_override.push(function);
        }
        let console = self.console(function);
        view.consoles
            .extend(console.map(|console| (function, console)));
        let firmware = self.firmware_framebuffer(function);
        view.firmware_framebuffers
            .extend(firmware.map(|fb| (function, fb)));
        let count = self.virtual_functions(function).len();
        if count > 0 {
            view.virtual_functions.push((function, count));
        }
        let uuids = self.mediated_devices(function).into_iter();
        view.mediated.extend(uuids.map(|uuid| (function, uuid)));
        let kept = self.driverctl(function);
        view.driverctl.extend(kept.map(|driver| (function, driver)));
    }

    /// Another member of a group.
    fn neighbour(
        &self,
        group: IommuGroup,
        member: PciAddress,
        cards: &[GpuCard],
    ) -> Result<Neighbour, SysfsError> {
        let mut counting = cards.iter().filter(|card| card.counts());
        let card = counting.find(|card| card.has(member));
        let binding = self.binding(member, &Stub::Auto)?;
        Ok(Neighbour {
            group,
            host_uses: self.host_uses(&binding),
            binding,
            card: card.map(|card| card.name),
        })
    }
}
