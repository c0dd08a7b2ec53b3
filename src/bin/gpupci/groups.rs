//! `gpupci groups`: the members of each IOMMU group.

use anyhow::Result;
use gpupt::binding::Binding;
use gpupt::host::Machine;
use gpupt::paths::VFIO_NODES;
use gpupt::pci::{Identity, IommuGroup, PciAddress};
use serde_json::{Value, json};

use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::table::{Colour, Table};
use crate::this_host::{ThisHost, may_change};

/// A function as a member of its group.
struct Member {
    address: PciAddress,
    binding: Option<Binding>,
    identity: Option<Identity>,
    model: Option<String>,
    card: Option<String>,
}

pub(crate) fn run(global: &Global, machine: &Machine) -> Result<Answer> {
    let host = ThisHost::of(global, machine)?;
    let groups: Vec<(IommuGroup, Vec<Member>, Option<String>)> = machine
        .iommu_groups()
        .into_iter()
        .map(|group| (group, members(group, &host), guest(group, &host)))
        .collect();
    if global.json {
        let objects = groups.iter().map(|(group, members, guest)| {
            let members: Vec<Value> = members.iter().map(Member::json).collect();
            json!({ "group": group.number(), "guest": guest, "members": members })
        });
        return Ok(Answer::done(json::document("groups", objects.collect())));
    }
    let mut table = Table::new(&[
        "GROUP", "ADDRESS", "KIND", "CARD", "DRIVER", "GUEST", "MODEL",
    ]);
    for (group, members, guest) in &groups {
        for member in members {
            let is_detached = member
                .binding
                .as_ref()
                .is_some_and(|binding| binding.is_detached());
            let colour = match is_detached {
                true => Colour::Green,
                false => Colour::None,
            };
            table.row(colour, member.cells(*group, guest.as_deref()));
        }
    }
    let notes = match groups.is_empty() {
        true => vec!["there are no IOMMU groups: the IOMMU is off; run `gpupci check`".to_owned()],
        false => Vec::new(),
    };
    Ok(Answer {
        notes,
        ..Answer::done(table.text())
    })
}

fn members(group: IommuGroup, host: &ThisHost) -> Vec<Member> {
    let addresses = host.machine.group_members(group);
    let identity = |address| host.machine.identity(address).ok().flatten();
    let identities: Vec<Identity> = addresses.iter().filter_map(|a| identity(*a)).collect();
    let models = host.machine.models(&identities);
    let members = addresses.into_iter().map(|address| {
        let identity = identity(address);
        let mut counting = host.cards.iter().filter(|card| card.counts());
        let card = counting.find(|card| card.has(address));
        Member {
            address,
            binding: host.machine.binding(address, &host.settings.stub).ok(),
            model: identity.and_then(|identity| models.of(&identity).map(str::to_owned)),
            identity,
            card: card.map(|card| card.name.to_string()),
        }
    });
    members.collect()
}

/// The guest that owns a group: its QEMU has the group's device node open.
fn guest(group: IommuGroup, host: &ThisHost) -> Option<String> {
    let node = format!("{VFIO_NODES}/{group}");
    if !host.machine.exists(&node) || !may_change(host.machine) {
        return None;
    }
    let members = host.machine.group_members(group);
    let deadline = host.global.timeout;
    let users = host.machine.users_of(&members, &[], deadline);
    users.found.into_iter().find_map(|user| user.guest)
}

impl Member {
    fn cells(&self, group: IommuGroup, guest: Option<&str>) -> [String; 7] {
        let dash = || "-".to_owned();
        let driver = self.binding.as_ref().and_then(|b| b.driver.as_ref());
        let ids = self
            .identity
            .map_or_else(dash, |identity| identity.to_string());
        [
            group.to_string(),
            self.address.to_string(),
            self.binding
                .as_ref()
                .map_or_else(dash, |b| b.class.kind().to_owned()),
            self.card.clone().unwrap_or_else(dash),
            driver.map_or_else(dash, ToString::to_string),
            guest.map_or_else(dash, str::to_owned),
            self.model.clone().unwrap_or(ids),
        ]
    }

    fn json(&self) -> Value {
        let binding = self.binding.as_ref();
        let driver = binding.and_then(|binding| binding.driver.as_ref());
        json!({
            "address": self.address.to_string(),
            "kind": binding.map(|binding| binding.class.kind()),
            "vendor": self.identity.map(|identity| identity.vendor.to_string()),
            "device": self.identity.map(|identity| format!("{:04x}", identity.device)),
            "model": self.model,
            "card": self.card,
            "driver": driver.map(ToString::to_string),
        })
    }
}
