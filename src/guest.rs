//! Finds the cards of a guest and puts them into its domain XML: what `gpupci splice` and the Rocks
//! plugin do.

mod report;

pub use report::Report;

use crate::database::Database;
use crate::domain_xml::{Hostdev, retarget, splice_hostdevs};
use crate::error::Error;
use crate::host::Machine;
use crate::pci::{PciAddress, PciSlot};
use crate::rocks::{
    AttributeSource, Cluster, GuestsOf, HostError, HostGroups, Node, Origin, Resolver, Text,
    cards_of_guest, hosts_named, moved_cards_of_guest, owners_of,
};

/// How a guest is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestName<'w> {
    /// By exactly its name in the cluster, as domain XML has it: never a pattern or a statement, and
    /// never looked up in DNS.
    Exact(&'w str),
    /// By any name that Rocks' commands accept: also an alias or an address.
    Any(&'w str),
}

/// `xml` with the cards that `guest` has on its host. If that is this machine, a virtual function that works
/// only with its own driver gets `managed='no'`.
///
/// # Errors
/// If there is no such guest, its cards cannot be resolved, or the XML is refused.
pub fn splice_guest(
    guest: GuestName,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let (GuestName::Exact(word) | GuestName::Any(word)) = guest;
    let mut cluster = database.guest(&word.into())?;
    if cluster.node_named(&word.into()).is_none() && guest == GuestName::Any(word) {
        // An alias or an address: resolving it takes the whole cluster.
        cluster = database.cluster()?;
    }
    splice_from(&cluster, guest, xml, database, machine)
}

/// As [`splice_guest`], with a `cluster` that was read before. Only a name that no node has is looked up in
/// the database.
fn splice_from(
    cluster: &Cluster,
    guest: GuestName,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let node = one_guest(guest, cluster, database, machine)?;
    let host = host_of(node, cluster, database.origin(), machine);
    let cards = cards_of_guest(cluster, node, host)?;
    let here = this_host(cluster, machine).map(|node| node.id);
    let is_here = match database.origin() {
        Origin::Rocks => here.is_some() && host.map(|host| host.id) == here,
        Origin::Embedded => host.is_none_or(|host| Some(host.id) == here),
    };
    let hostdevs = cards.into_iter().map(|address| Hostdev {
        address,
        is_managed: !(is_here && needs_its_driver(machine, address)),
    });
    Ok(splice_hostdevs(xml, &hostdevs.collect::<Vec<_>>())?)
}

/// Whether a device of this machine is a virtual function that works only with its own driver. If it cannot
/// be read, the hook will refuse it.
fn needs_its_driver(machine: &Machine, address: PciAddress) -> bool {
    let found = machine.virtual_function(address).ok().flatten();
    found.is_some_and(|function| function.needs_its_driver())
}

/// `xml` with the addresses of the guest's cards changed to those on this machine.
///
/// # Errors
/// As [`splice_guest`].
pub fn retarget_guest(
    guest: GuestName,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let cluster = database.cluster()?;
    let node = one_guest(guest, &cluster, database, machine)?;
    let here = this_host(&cluster, machine);
    Ok(retarget(xml, &moved_cards_of_guest(&cluster, node, here)?)?)
}

/// The IOMMU groups of this machine, which is `host` in the cluster.
pub fn host_groups(host: &Node, machine: &Machine) -> HostGroups {
    let groups = machine.iommu_groups().into_iter();
    let slots = groups.flat_map(|group| {
        let members = machine.group_members(group).into_iter();
        members.map(move |member| (member.slot(), group))
    });
    HostGroups {
        host: host.id,
        groups: slots.collect(),
    }
}

/// A card of this machine that the cluster's attributes give to other guests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAway {
    /// The card.
    pub slot: PciSlot,
    /// The guests that have it, in table order.
    pub guests: Vec<String>,
}

/// Which of this machine's cards in `slots` the cluster gives to other guests and not to `guest`, which is
/// its exact name in the cluster. An unassigned card may be used by any guest.
///
/// # Errors
/// If the database cannot be read, or has no node for this machine.
pub fn given_away(
    guest: &str,
    slots: &[PciSlot],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<GivenAway>, Error> {
    let own_name = machine.own_name().unwrap_or_default();
    let cluster = database.guests_of(&own_name.as_str().into())?;
    let here = this_host(&cluster, machine);
    let guests_of = match (here, database.origin()) {
        (Some(here), Origin::Rocks) => GuestsOf::Host(here),
        (here, Origin::Embedded) => GuestsOf::ThisHost(here),
        (None, Origin::Rocks) => return Err(HostError::NotInCluster(own_name).into()),
    };
    let given = slots.iter().filter_map(|slot| {
        let owners = owners_of(&cluster, guests_of, *slot);
        let is_given_away = !owners.is_empty()
            // To libvirt, guests whose names differ in case or in blanks are different guests.
            && !owners.iter().any(|owner| owner.name.is_exactly(guest));
        is_given_away.then(|| GivenAway {
            slot: *slot,
            guests: owners.iter().map(|owner| owner.name.to_string()).collect(),
        })
    });
    Ok(given.collect())
}

/// The node of this machine.
pub fn this_host<'c>(cluster: &'c Cluster, machine: &Machine) -> Option<&'c Node> {
    cluster.node_named(&Text::from(machine.own_name()?.as_str()))
}

fn one_guest<'c>(
    guest: GuestName,
    cluster: &'c Cluster,
    database: &mut Database,
    machine: &Machine,
) -> Result<&'c Node, Error> {
    let word = match guest {
        GuestName::Exact(name) => {
            let mut nodes = cluster.nodes().iter();
            let node = nodes.find(|node| node.name.is_exactly(name));
            return node.ok_or_else(|| HostError::NotInCluster(name.to_owned()).into());
        }
        GuestName::Any(word) => word,
    };
    if let Some(node) = cluster.node_named(&word.into()) {
        return Ok(node);
    }
    let nodes = hosts_named(&[word.to_owned()], cluster, database, machine)?;
    match nodes.as_slice() {
        [node] => Ok(node),
        nodes => Err(Error::Usage(format!(
            "{word:?} matches {} guests; name exactly one",
            nodes.len()
        ))),
    }
}

/// The host of a guest. Rocks always records it; a guest of the embedded database without one is on this
/// host.
fn host_of<'c>(
    guest: &Node,
    cluster: &'c Cluster,
    origin: Origin,
    machine: &Machine,
) -> Option<&'c Node> {
    match (guest.physical_host, origin) {
        (Some(host), _) => cluster.node(host),
        (None, Origin::Embedded) => this_host(cluster, machine),
        (None, Origin::Rocks) => None,
    }
}
