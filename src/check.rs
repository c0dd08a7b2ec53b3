//! Collects the facts for `gpupci check`, from the machine and from the cluster's database.

mod choice;

use std::time::Duration;

use crate::binding::{Refusal, Stub, Unseen, VfioAliases};
use crate::check::choice::Choice;
use crate::database::{Database, DatabaseUrl};
use crate::error::Error;
use crate::failure::{Failure, sentence};
use crate::gpu::{GpuCard, PciFunction, Uncounted};
use crate::guest::{host_groups, this_host};
use crate::handover::NoSuchCard;
use crate::host::{HookFolder, Machine, StateFileError};
use crate::naming::{NamingError, named_cards, replaced_cards};
use crate::pci::{DriverName, PciAddress, PciSlot, VendorId};
use crate::readiness::{
    Boot, CardFacts, ClusterFacts, HostFacts, Initramfs, ModuleFacts, RecordFacts, StubFacts,
};
use crate::rocks::{AttributeSource, Origin, Resolver};
use crate::settings::{DatabaseChoiceError, Settings, database_of};

/// What to read, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions<'o> {
    /// The cards to check, as the user names them. None of them means all.
    pub words: &'o [String],
    /// The settings.
    pub settings: &'o Settings,
    /// The database URL from the command line or the environment.
    pub database: Option<&'o str>,
    /// Whether gpupci can see which files other users' processes have open.
    pub can_see_processes: bool,
    /// The time limit to find the users of one card.
    pub deadline: Duration,
}

/// The facts about `machine`, and the words that name none of its cards.
///
/// # Errors
/// If the database URL is invalid.
pub fn host_facts(
    machine: &Machine,
    options: &CheckOptions,
) -> Result<(HostFacts, Vec<NoSuchCard>), Error> {
    let vendors = &options.settings.vendors;
    let functions = machine.function_facts();
    let (cards, names) = cards_of(machine, vendors);
    let uncounted = match &cards {
        Ok(cards) => Uncounted::among(cards, vendors),
        Err(_) => Uncounted::default(),
    };
    let aliases = machine.vfio_aliases();
    let modules = machine.module_facts();
    let choice = Choice::of(options.words, cards.as_deref().ok());
    let cards = cards.map(|cards| card_facts(machine, options, &cards, &choice, &aliases));
    let known = cards.as_deref().unwrap_or_default();
    let (distribution, programs) = (machine.distribution(), machine.programs());
    let image = machine.image_system(&distribution, &programs);
    let facts = HostFacts {
        distribution,
        image,
        boot: Boot::of(machine.boot_facts(image, programs.clone())),
        initramfs: Initramfs::of(image, &programs),
        platform: machine.platform(&functions),
        interrupts: machine.interrupt_facts(&functions),
        stubs: stub_facts(machine, options, known, &aliases, &modules),
        modules,
        module_switches: machine.module_switches(),
        modprobe: machine.modprobe_facts(),
        module_lists: machine.module_lists(),
        functions,
        vendors: vendors.iter().map(ToString::to_string).collect(),
        uncounted,
        switches: switches(machine),
        cards: cards.map_err(|error| sentence(&error)),
        only: choice.only(),
        names: names.map(|error| sentence(&error)),
        hooks: HookFolder::of(machine).facts(),
        gpupci: HookFolder::of(machine).gpupci(options.settings.has_cluster(machine)),
        cluster: cluster_facts(machine, options)?,
    };
    Ok((facts, choice.missing))
}

/// The cards, and why their recorded names cannot be read. They then have the names that they would get.
fn cards_of(
    machine: &Machine,
    vendors: &[VendorId],
) -> (Result<Vec<GpuCard>, NamingError>, Option<StateFileError>) {
    match named_cards(machine, vendors) {
        Err(NamingError::StateFile(error)) => (
            machine.cards(vendors).map_err(NamingError::from),
            Some(error),
        ),
        cards => (cards, None),
    }
}

/// The facts of each driver that a card needs for a guest.
fn stub_facts(
    machine: &Machine,
    options: &CheckOptions,
    cards: &[CardFacts],
    aliases: &VfioAliases,
    modules: &ModuleFacts,
) -> Vec<StubFacts> {
    let stub = &options.settings.stub;
    let bindings = cards.iter().flat_map(|card| card.view.bindings.iter());
    let mut drivers: Vec<DriverName> = Vec::new();
    for binding in bindings {
        if !drivers.contains(&binding.stub) {
            drivers.push(binding.stub.clone());
        }
    }
    if drivers.is_empty() {
        drivers.push(stub.driver_for("", aliases, &machine.drivers()));
    }
    let facts = drivers.into_iter().map(|driver| StubFacts {
        misspelled: match stub {
            Stub::Named(name) if *name != driver => Some(name.clone()),
            _ => None,
        },
        is_loaded: modules.drivers.contains_key(driver.as_str()),
        source: modules.source(driver.as_str()),
        driver,
    });
    facts.collect()
}

/// The NVSwitches, by address.
fn switches(machine: &Machine) -> Vec<PciAddress> {
    let functions = machine.functions().unwrap_or_default().into_iter();
    let switches = functions.filter(PciFunction::is_nvswitch);
    let mut switches: Vec<PciAddress> = switches.map(|function| function.address).collect();
    switches.sort();
    switches
}

fn card_facts(
    machine: &Machine,
    options: &CheckOptions,
    cards: &[GpuCard],
    choice: &Choice,
    aliases: &VfioAliases,
) -> Vec<CardFacts> {
    // Unreadable names have a finding of their own.
    let replaced_cards = replaced_cards(machine, cards).unwrap_or_default();
    let needed = cards.iter().filter(|card| choice.has_facts_of(card));
    let facts = needed.map(|card| {
        let mut facts = machine.card_facts(card, cards, &options.settings.stub);
        for now in &mut facts.view.bindings {
            now.stub = machine.stub_of(now.function, &options.settings.stub, aliases);
            let own = machine.stub_of(now.function, &Stub::Auto, aliases);
            let variant = Some(own).filter(|own| *own != DriverName::vfio_pci());
            facts
                .variants
                .extend(variant.map(|own| (now.function, own)));
        }
        if !choice.checks(card) {
            // To look for users takes long, and no finding about another card needs them.
        } else if options.can_see_processes {
            machine.add_users(&mut facts, card, cards, options.deadline);
        } else {
            let why = "only root can see which files processes have open";
            facts.view.unseen.push(Unseen::unreadable(why));
        }
        facts.record = record_facts(machine, card.slot(), &mut facts);
        let own = replaced_cards.iter().filter(|(slot, _)| card.is_in(*slot));
        let own = own.map(|(_, refusal)| refusal.clone());
        facts.view.known.extend(own);
        facts
    });
    facts.collect()
}

/// The record of a card. A write that is late and has not ended is a reason to refuse the card.
fn record_facts(machine: &Machine, slot: PciSlot, facts: &mut CardFacts) -> RecordFacts {
    match machine.card_record(slot) {
        Ok(None) => RecordFacts::None,
        Ok(Some(record)) => match machine.overdue_write(slot, &record) {
            Some(pending) => {
                facts.view.known.push(Refusal::Poisoned(pending));
                RecordFacts::None
            }
            None => RecordFacts::Phase(record.phase),
        },
        Err(error) => RecordFacts::Unreadable(sentence(&error)),
    }
}

/// What the cluster's database says about this host; `None` if there is no database.
fn cluster_facts(machine: &Machine, options: &CheckOptions) -> Result<Option<ClusterFacts>, Error> {
    let url = match database_of(machine, options.settings, options.database) {
        Ok(url) => url,
        Err(DatabaseChoiceError::Settings(error)) => return Ok(Some(unreachable(&error.into()))),
        Err(error) => return Err(error.into()),
    };
    let is_chosen = options.database.is_some() || options.settings.database.is_some();
    let exists = match &url {
        DatabaseUrl::Sqlite(path) => Machine::has_file(path).unwrap_or(true),
        DatabaseUrl::MySql(_) => true,
    };
    if !is_chosen && !exists {
        return Ok(None);
    }
    let mut database = Database::at(url);
    Ok(Some(match database.cluster() {
        Err(error) => unreachable(&error.into()),
        Ok(cluster) => match this_host(&cluster, machine) {
            None => ClusterFacts::UnknownHost {
                name: machine.own_name(),
                origin: database.origin(),
            },
            Some(host) => {
                let default_host = (database.origin() == Origin::Embedded).then_some(host);
                ClusterFacts::of(&cluster, host, default_host, &host_groups(host, machine))
            }
        },
    }))
}

fn unreachable(error: &Error) -> ClusterFacts {
    let remedy = error.remedies().into_iter().next();
    ClusterFacts::Unreachable {
        why: sentence(error),
        remedy: remedy.unwrap_or_else(|| "gpupci host conflicts".to_owned()),
    }
}
