//! The main job, which `gpupci splice` and the Rocks plugin share: find the cards of a guest, put
//! them into its domain XML.

use crate::database::Database;
use crate::domain_xml::{retarget, splice};
use crate::error::Error;
use crate::host::Machine;
use crate::pci::PciSlot;
use crate::rocks::{
    AttributeSource, Cluster, Home, HostError, Node, Origin, Resolver, Text, cards_of_guest,
    hosts_named, moved_cards_of_guest, owners_of,
};

/// How somebody calls a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestWord<'w> {
    /// By its name in the cluster and nothing else: what comes from domain XML is no pattern and no
    /// statement, and no server of names is asked about it.
    Name(&'w str),
    /// By any of its names, as Rocks' commands take them: an alias, an address.
    AnyName(&'w str),
}

/// `xml` with the cards of `guest`, as it is known on the host that it runs on.
///
/// # Errors
/// When there is no such guest, its cards cannot be told, or the XML is refused.
pub fn splice_guest(
    guest: GuestWord,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let (GuestWord::Name(word) | GuestWord::AnyName(word)) = guest;
    let mut cluster = database.guest(&word.into())?;
    if cluster.node_named(&word.into()).is_none() && guest == GuestWord::AnyName(word) {
        // An alias, an address: what that means takes the whole cluster to tell.
        cluster = database.cluster()?;
    }
    let node = one_guest(guest, &cluster, database, machine)?;
    let host = host_of(node, &cluster, database.origin(), machine);
    Ok(splice(xml, &cards_of_guest(&cluster, node, host)?)?)
}

/// `xml` with the cards of `guest` that stand there pointed at where they are on this machine.
///
/// # Errors
/// As [`splice_guest`].
pub fn retarget_guest(
    guest: GuestWord,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let cluster = database.cluster()?;
    let node = one_guest(guest, &cluster, database, machine)?;
    let here = this_host(&cluster, machine);
    Ok(retarget(xml, &moved_cards_of_guest(&cluster, node, here)?)?)
}

/// A card of this machine that the cluster's attributes give to others than the guest that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAway {
    /// The card.
    pub slot: PciSlot,
    /// Those guests, in table order.
    pub guests: Vec<String>,
}

/// Which of the cards in `slots` of this machine the cluster gives to others, and not to `guest`, whose
/// name is its name in the cluster. What it gives to nobody anybody may have.
///
/// # Errors
/// When the database cannot be asked, or does not know this machine.
pub fn given_away(
    guest: &str,
    slots: &[PciSlot],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<GivenAway>, Error> {
    let own_name = machine.own_name().unwrap_or_default();
    let cluster = database.guests_of(&own_name.as_str().into())?;
    let here = this_host(&cluster, machine);
    let home = match (here, database.origin()) {
        (Some(here), Origin::Rocks) => Home::OfItsGuests(here),
        (here, Origin::Embedded) => Home::OfTheUnplaced(here),
        (None, Origin::Rocks) => return Err(HostError::NotInCluster(own_name).into()),
    };
    let name = Text::from(guest);
    let given = slots.iter().filter_map(|slot| {
        let owners = owners_of(&cluster, home, *slot);
        let is_others = !owners.is_empty() && owners.iter().all(|owner| owner.name != name);
        is_others.then(|| GivenAway {
            slot: *slot,
            guests: owners.iter().map(|owner| owner.name.to_string()).collect(),
        })
    });
    Ok(given.collect())
}

/// The node that this machine is.
pub fn this_host<'c>(cluster: &'c Cluster, machine: &Machine) -> Option<&'c Node> {
    cluster.node_named(&Text::from(machine.own_name()?.as_str()))
}

fn one_guest<'c>(
    guest: GuestWord,
    cluster: &'c Cluster,
    database: &mut Database,
    machine: &Machine,
) -> Result<&'c Node, Error> {
    let (GuestWord::Name(word) | GuestWord::AnyName(word)) = guest;
    if let Some(node) = cluster.node_named(&word.into()) {
        return Ok(node);
    }
    if guest == GuestWord::Name(word) {
        return Err(HostError::NotInCluster(word.to_owned()).into());
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

/// Where a guest runs. Rocks always says; a guest of the embedded tables that nothing places runs
/// here.
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
