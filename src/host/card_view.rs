//! A card with all that speaks for or against handing it over.

use std::time::Duration;

use crate::binding::{CardView, Neighbour, in_order};
use crate::gpu::GpuCard;
use crate::host::{Machine, SysfsError, Users};
use crate::paths::DRIVERCTL;
use crate::pci::{IommuGroup, PciAddress};

/// driverctl writes the name of a driver.
const DRIVERCTL_BYTES_MAX: u64 = 256;

impl Machine {
    /// What is to be seen of `card`, one of the `cards` of this machine: bindings, groups and who
    /// shares them, what the host has on it; not who uses it. Errors come apart, so that one that
    /// keeps a function from being seen does not hide the rest.
    pub fn card_view(&self, card: &GpuCard, cards: &[GpuCard]) -> (CardView, Vec<SysfsError>) {
        let mut view = CardView::default();
        let mut errors = Vec::new();
        for function in card.functions.iter().map(|function| function.address) {
            match self.binding(function) {
                Ok(binding) => view.bindings.push(binding),
                Err(error) => errors.push(error),
            }
            errors.extend(self.add_group(&mut view, function).err());
            self.add_load(&mut view, function);
        }
        in_order(&mut view.bindings);
        for group in &view.groups {
            let members = self.group_members(*group).into_iter();
            let others = members.filter(|member| !card.has(*member));
            let neighbours = others.filter_map(|member| self.neighbour(*group, member, cards));
            view.neighbours.extend(neighbours);
        }
        (view, errors)
    }

    /// Who uses `card`, and not only what it shares with others of `cards`.
    pub fn card_users(&self, card: &GpuCard, cards: &[GpuCard], deadline: Duration) -> Users {
        let functions: Vec<PciAddress> = card.functions.iter().map(|f| f.address).collect();
        self.function_users(&functions, card, cards, deadline)
    }

    /// The same for some of its functions.
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
        let mut users = self.users_of(functions, &others, deadline);
        // One who was not seen is reason enough; a container has hundreds.
        let count = users.unseen.len();
        users.unseen.truncate(1);
        if let Some(first) = users.unseen.first_mut().filter(|_| count > 1) {
            *first += &format!(", and {} more", count - 1);
        }
        users
    }

    /// On which driver driverctl keeps a function.
    pub fn driverctl(&self, function: PciAddress) -> Option<String> {
        let text = self.beginning_of_text(&format!("{DRIVERCTL}/{function}"), DRIVERCTL_BYTES_MAX);
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Adds the group of a function; one that does not list the function is none.
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

    /// Adds what the host has on a function.
    fn add_load(&self, view: &mut CardView, function: PciAddress) {
        if !self.has_override(function) {
            view.without_override.push(function);
        }
        let console = self.console(function);
        view.consoles.extend(console.map(|fb| (function, fb)));
        let burdens = self.burdens(function).into_iter();
        view.burdens
            .extend(burdens.map(|burden| (function, burden)));
        let count = self.virtual_functions(function).len();
        if count > 0 {
            view.virtual_functions.push((function, count));
        }
        let uuids = self.mediated_devices(function).into_iter();
        view.mediated.extend(uuids.map(|uuid| (function, uuid)));
        let kept = self.driverctl(function);
        view.driverctl.extend(kept.map(|driver| (function, driver)));
    }

    /// A member of a group; nothing when it is gone by now.
    fn neighbour(
        &self,
        group: IommuGroup,
        member: PciAddress,
        cards: &[GpuCard],
    ) -> Option<Neighbour> {
        let card = cards.iter().find(|card| card.has(member));
        Some(Neighbour {
            group,
            binding: self.binding(member).ok()?,
            card: card.map(|card| card.name),
            burdens: self.burdens(member),
        })
    }
}
