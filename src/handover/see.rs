//! Seeing: what is to be known of a card before anything is decided about it.

use crate::binding::{ActError, Binding, CardRecord, CardView, Neighbour, Refusal, in_order};
use crate::gpu::{CardName, GpuCard};
use crate::handover::{Fault, Handover};
use crate::host::Node;
use crate::naming::misplaced;
use crate::pci::{IommuGroup, PciAddress};

const DEVICES: &str = "/sys/bus/pci/devices";
const DRIVERCTL: &str = "/etc/driverctl.d";

impl Handover<'_> {
    /// How the functions of a card are bound, in the order in which they change hands.
    pub(super) fn bindings(&self, card: &GpuCard) -> Result<Vec<Binding>, Fault> {
        let functions = card.functions.iter();
        let bindings: Result<Vec<Binding>, Fault> = functions
            .map(|function| self.binding(function.address))
            .collect();
        let mut bindings = bindings?;
        in_order(&mut bindings);
        Ok(bindings)
    }

    /// How one function is bound, its override with it.
    pub(super) fn binding(&self, function: PciAddress) -> Result<Binding, Fault> {
        let mut binding = self.machine.binding(function)?;
        let path = format!("{DEVICES}/{function}/driver_override");
        if !self.machine.has_override(function) {
            return Ok(binding);
        }
        match self.kernel.read(&path) {
            Ok(text) => binding.driver_override = overriding(&text),
            Err(ActError::Late) => {
                let write = format!("somebody else's, which keeps {path} from being read");
                return Err(Fault::Refused(vec![Refusal::Poisoned { write }]));
            }
            Err(ActError::Refused(source)) => {
                return Err(Fault::Sysfs(crate::host::SysfsError::Read {
                    path: self.machine.path(path),
                    source,
                }));
            }
        }
        Ok(binding)
    }

    /// What speaks for or against detaching a card.
    pub(super) fn view_for_detach(
        &self,
        card: &GpuCard,
        bindings: &[Binding],
    ) -> Result<CardView, Fault> {
        let machine = self.machine;
        let mut view = self.view_for_attach(card, bindings)?;
        view.neighbours = self.neighbours(card, &mut view.ungrouped)?;
        for function in card.functions.iter().map(|function| function.address) {
            if !machine.has_override(function) {
                view.without_override.push(function);
            }
            let console = machine.console(function);
            view.consoles.extend(console.map(|fb| (function, fb)));
            let burdens = machine.burdens(function).into_iter();
            view.burdens
                .extend(burdens.map(|burden| (function, burden)));
            let count = machine.virtual_functions(function);
            if count > 0 {
                view.virtual_functions.push((function, count));
            }
            let uuids = machine.mediated_devices(function).into_iter();
            view.mediated.extend(uuids.map(|uuid| (function, uuid)));
        }
        Ok(view)
    }

    /// What speaks for or against giving a card back.
    pub(super) fn view_for_attach(
        &self,
        card: &GpuCard,
        bindings: &[Binding],
    ) -> Result<CardView, Fault> {
        let functions = || card.functions.iter().map(|function| function.address);
        let nodes: Vec<Node> = functions().flat_map(|f| self.machine.nodes(f)).collect();
        let others = self.nodes_of_others(card);
        let users = self.machine.users(&nodes, &others, self.deadline);
        let driverctl = functions().filter_map(|function| {
            let kept = self.machine.text(&format!("{DRIVERCTL}/{function}"))?;
            Some((function, kept.trim().to_owned()))
        });
        Ok(CardView {
            bindings: bindings.to_vec(),
            users: users.found,
            unseen: users.unseen,
            driverctl: driverctl.collect(),
            ..CardView::default()
        })
    }

    /// What is known against a card without looking at it: a write to it never ended, or it is
    /// another card than the one that has its name.
    pub(super) fn known(
        &self,
        card: &GpuCard,
        record: Option<&CardRecord>,
    ) -> Result<Vec<Refusal>, Fault> {
        let poisoned = record.and_then(|record| record.poisoned.clone());
        let poisoned = poisoned.map(|write| Refusal::Poisoned { write });
        let misplaced = misplaced(self.machine, &self.cards)?.into_iter();
        let differs = misplaced.filter(
            |refusal| matches!(refusal, Refusal::Differs { name, .. } if *name == card.name),
        );
        Ok(poisoned.into_iter().chain(differs).collect())
    }

    /// Who shares an IOMMU group with a card; functions in no group, or in one that does not list
    /// them, come out in `ungrouped`.
    fn neighbours(
        &self,
        card: &GpuCard,
        ungrouped: &mut Vec<PciAddress>,
    ) -> Result<Vec<Neighbour>, Fault> {
        let mut groups: Vec<IommuGroup> = Vec::new();
        let mut neighbours = Vec::new();
        for function in card.functions.iter().map(|function| function.address) {
            let group = self.machine.iommu_group(function)?;
            let members = group.map(|group| (group, self.machine.group_members(group)));
            match members.filter(|(_, members)| members.contains(&function)) {
                None => ungrouped.push(function),
                Some((group, _)) if groups.contains(&group) => (),
                Some((group, members)) => {
                    groups.push(group);
                    for member in members.into_iter().filter(|member| !card.has(*member)) {
                        neighbours.extend(self.neighbour(group, member));
                    }
                }
            }
        }
        Ok(neighbours)
    }

    /// A member of a group; nothing when it is gone by now.
    fn neighbour(&self, group: IommuGroup, member: PciAddress) -> Option<Neighbour> {
        let binding = self.machine.binding(member).ok()?;
        Some(Neighbour {
            group,
            card: self.card_with(member),
            burdens: self.machine.burdens(member),
            binding,
        })
    }

    fn card_with(&self, function: PciAddress) -> Option<CardName> {
        let card = self.cards.iter().find(|card| card.has(function));
        card.map(|card| card.name)
    }

    /// The nodes of the other cards, by which a user of theirs is told from one of this card's.
    fn nodes_of_others(&self, card: &GpuCard) -> Vec<Node> {
        let others = self.cards.iter().filter(|other| other.name != card.name);
        let functions = others.flat_map(|other| other.functions.iter());
        let nodes = functions.flat_map(|function| self.machine.nodes(function.address));
        nodes.filter(|node| !node.is_shared).collect()
    }
}

/// What sysfs says of an override; `(null)` is none.
fn overriding(text: &str) -> Option<String> {
    let name = text.strip_suffix('\n').unwrap_or(text);
    (!matches!(name, "(null)" | "")).then(|| name.to_owned())
}
