//! The details of a card, for the table of `list -v` and `status -v`, and for JSON.

use gpupt::binding::{Binding, Phase, User, VirtualFunction};
use gpupt::gpu::{CardName, GpuCard};
use gpupt::listing::in_a_cell;
use gpupt::pci::{Identity, IommuGroup, PciAddress};
use serde_json::{Value, json};

use crate::table::{Colour, Table};
use crate::this_host::{ThisHost, may_change};

/// How many users of a card are in its JSON object.
const USERS_MAX: usize = 100;

/// A card and its details.
pub(crate) struct CardDetails {
    name: CardName,
    address: PciAddress,
    model: Option<String>,
    functions: Vec<FunctionDetails>,
    numa_node: Option<i64>,
    /// Its users; `None` if not all processes can be read.
    users: Option<Vec<User>>,
    state: State,
}

/// The state of a card, from its record and its drivers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Host,
    Detached,
    Unfinished,
    Poisoned,
}

struct FunctionDetails {
    binding: Binding,
    identity: Option<Identity>,
    group: Option<IommuGroup>,
    boot_vga: bool,
    power_state: Option<String>,
    /// Its SR-IOV virtual functions, which are not cards, and their drivers.
    virtual_functions: Vec<VirtualFunction>,
}

impl CardDetails {
    /// The details of these cards.
    pub(crate) fn of_all(host: &ThisHost, cards: &[&GpuCard]) -> Vec<Self> {
        let addresses = cards.iter().map(|card| card.display.address);
        let identities: Vec<Identity> = addresses
            .filter_map(|address| host.machine.identity(address).ok().flatten())
            .collect();
        let models = host.machine.models(&identities);
        let all = cards.iter().map(|card| {
            let mut details = Self::of(host, card);
            let identity = host.machine.identity(card.display.address).ok().flatten();
            let model = identity.and_then(|identity| models.of(&identity).map(str::to_owned));
            details.model = model;
            details
        });
        all.collect()
    }

    fn of(host: &ThisHost, card: &GpuCard) -> Self {
        let machine = host.machine;
        let functions = card.functions.iter().filter_map(|function| {
            let address = function.address;
            Some(FunctionDetails {
                binding: machine.binding(address, &host.settings.stub).ok()?,
                identity: machine.identity(address).ok().flatten(),
                group: machine.iommu_group(address).ok().flatten(),
                boot_vga: machine.sysfs_attribute(address, "boot_vga").as_deref() == Some("1"),
                power_state: machine.sysfs_attribute(address, "power_state"),
                virtual_functions: virtual_functions(host, address),
            })
        });
        let functions: Vec<FunctionDetails> = functions.collect();
        let address = card.display.address;
        let numa_node = machine.sysfs_attribute(address, "numa_node");
        Self {
            name: card.name,
            address,
            model: None,
            numa_node: numa_node.and_then(|node| node.parse().ok()),
            users: may_change(machine).then(|| users(host, card)).flatten(),
            state: state(host, card, &functions),
            functions,
        }
    }

    /// The card as a JSON object.
    pub(crate) fn json(&self) -> Value {
        let functions = self.functions.iter().map(FunctionDetails::json);
        let users = self.users.as_ref().map(|users| {
            let users = users.iter().take(USERS_MAX).map(|user| {
                json!({
                    "pid": user.pid,
                    "command": user.command,
                    "guest": user.guest,
                    "node": user.node,
                })
            });
            users.collect::<Vec<_>>()
        });
        json!({
            "name": self.name.to_string(),
            "address": self.address.to_string(),
            "model": self.model,
            "numa_node": self.numa_node.filter(|node| *node >= 0),
            "state": self.state.word(),
            "functions": functions.collect::<Vec<_>>(),
            "users": users,
        })
    }

    /// The virtual functions, each with its physical function.
    fn virtual_functions(&self) -> impl Iterator<Item = (PciAddress, &VirtualFunction)> {
        let functions = self.functions.iter();
        functions.flat_map(|physical| {
            let own = physical.virtual_functions.iter();
            own.map(|virtual_function| (physical.binding.function, virtual_function))
        })
    }

    fn used_by(&self) -> String {
        let Some(users) = &self.users else {
            return "?".to_owned();
        };
        let words = users.iter().map(|user| match &user.guest {
            Some(guest) => format!("guest {guest}"),
            None => format!("{} ({})", user.command, user.pid),
        });
        let words: Vec<String> = words.collect();
        match words.as_slice() {
            [] => "-".to_owned(),
            _ => in_a_cell(&words),
        }
    }
}

impl FunctionDetails {
    fn json(&self) -> Value {
        let identity = self.identity.as_ref();
        let subsystem = identity.and_then(|identity| identity.subsystem);
        let hex = |id: u16| format!("{id:04x}");
        let virtual_functions = self.virtual_functions.iter().map(|virtual_function| {
            json!({
                "address": virtual_function.address.to_string(),
                "vgpu_type": virtual_function.vgpu_type,
                "driver": virtual_function.driver.as_ref().map(ToString::to_string),
            })
        });
        json!({
            "address": self.binding.function.to_string(),
            "kind": self.binding.class.kind(),
            "vendor": identity.map(|identity| identity.vendor.to_string()),
            "device": identity.map(|identity| hex(identity.device)),
            "subsystem_vendor": subsystem.map(|(vendor, _)| hex(vendor)),
            "subsystem_device": subsystem.map(|(_, device)| hex(device)),
            "driver": self.binding.driver.as_ref().map(ToString::to_string),
            "iommu_group": self.group.map(|group| group.number()),
            "boot_vga": self.boot_vga,
            "power_state": self.power_state,
            "virtual_functions": virtual_functions.collect::<Vec<_>>(),
        })
    }
}

/// A table of cards with a line for each function.
pub(crate) fn table(all: &[CardDetails]) -> String {
    let mut table = Table::new(&[
        "NAME", "ADDRESS", "KIND", "MODEL", "DRIVER", "GROUP", "NUMA", "USED BY",
    ]);
    for details in all {
        // A card without readable functions has a line too.
        for index in 0..details.functions.len().max(1) {
            let own = |text: String| if index == 0 { text } else { String::new() };
            let function = details.functions.get(index);
            let binding = function.map(|function| &function.binding);
            let address = binding.map_or(details.address, |binding| binding.function);
            let numa = details.numa_node.filter(|node| *node >= 0);
            table.row(
                details.state.colour(),
                [
                    own(details.name.to_string()),
                    address.to_string(),
                    or_dash(binding.map(|binding| binding.class.kind())),
                    own(or_dash(details.model.as_ref())),
                    or_dash(binding.and_then(|binding| binding.driver.as_ref())),
                    or_dash(function.and_then(|function| function.group)),
                    own(or_dash(numa)),
                    own(details.used_by()),
                ],
            );
        }
        for (physical, virtual_function) in details.virtual_functions() {
            table.row(
                details.state.colour(),
                virtual_row(physical, virtual_function),
            );
        }
    }
    table.text()
}

/// A virtual function has its own line below the functions of its card.
fn virtual_row(physical: PciAddress, virtual_function: &VirtualFunction) -> [String; 8] {
    let nothing = String::new;
    let vgpu = match virtual_function.vgpu_type {
        Some(number) => format!(", vGPU type {number}"),
        None => nothing(),
    };
    [
        nothing(),
        virtual_function.address.to_string(),
        "virtual".to_owned(),
        format!("of {physical}{vgpu}"),
        or_dash(virtual_function.driver.as_ref()),
        nothing(),
        nothing(),
        nothing(),
    ]
}

fn virtual_functions(host: &ThisHost, function: PciAddress) -> Vec<VirtualFunction> {
    let addresses = host.machine.virtual_functions(function).into_iter();
    let all = addresses.filter_map(|address| host.machine.virtual_function(address).ok());
    all.flatten().collect()
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn users(host: &ThisHost, card: &GpuCard) -> Option<Vec<User>> {
    let deadline = host.global.timeout;
    let users = host.machine.card_users(card, &host.cards, deadline);
    users.unseen.is_empty().then_some(users.found)
}

fn state(host: &ThisHost, card: &GpuCard, functions: &[FunctionDetails]) -> State {
    let record = host.machine.card_record(card.slot());
    match record.ok().flatten() {
        Some(record) if host.machine.overdue_write(card.slot(), &record).is_some() => {
            State::Poisoned
        }
        Some(record) if record.phase != Phase::Detached => State::Unfinished,
        _ => {
            let is_detached = |f: &FunctionDetails| f.binding.is_detached();
            // The state of an unreadable function is unknown: the card is not reported as detached.
            let is_seen = functions.len() == card.functions.len();
            match is_seen && functions.iter().all(is_detached) {
                true => State::Detached,
                false => State::Host,
            }
        }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Detached => "detached",
            Self::Unfinished => "unfinished",
            Self::Poisoned => "poisoned",
        }
    }

    fn colour(self) -> Colour {
        match self {
            Self::Host => Colour::None,
            Self::Detached => Colour::Green,
            Self::Unfinished => Colour::Yellow,
            Self::Poisoned => Colour::Red,
        }
    }
}
