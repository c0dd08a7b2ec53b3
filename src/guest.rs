//! The main job, which `gpupci splice` and the Rocks plugin share: find the cards of a guest, put
//! them into its domain XML.

use crate::Error;
use crate::database::Database;
use crate::domain_xml::{retarget, splice};
use crate::host::Machine;
use crate::pci::PciSlot;
use crate::rocks::{
    AttributeSource, Cluster, Node, NodeId, Origin, Resolver, Text, cards_of_guest, hosts_named,
    moved_cards_of_guest, owners_of,
};

/// `xml` with the cards of `guest`, as it is known on the host that it runs on.
///
/// # Errors
/// When there is no such guest, its cards cannot be told, or the XML is refused.
pub fn splice_guest(
    guest: &str,
    xml: &[u8],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<u8>, Error> {
    let mut cluster = database.guest(&guest.into())?;
    if cluster.node_named(&guest.into()).is_none() {
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
    guest: &str,
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

/// Which of the cards in `slots` of this machine the cluster gives to others, and not to `guest`. What
/// it gives to nobody anybody may have.
///
/// # Errors
/// When the database cannot be asked.
pub fn given_away(
    guest: &str,
    slots: &[PciSlot],
    database: &mut Database,
    machine: &Machine,
) -> Result<Vec<GivenAway>, Error> {
    let Some(own_name) = machine.own_name() else {
        return Ok(Vec::new());
    };
    let cluster = database.guests_of(&own_name.as_str().into())?;
    let Some(here) = this_host(&cluster, machine) else {
        return Ok(Vec::new());
    };
    let takes_in = database.origin() == Origin::Embedded;
    let owned = slots.iter().map(|slot| {
        let owners = owners_of(&cluster, here, takes_in, *slot);
        (*slot, owners)
    });
    let name = Text::from(guest);
    let mut others: Vec<(PciSlot, Vec<&Node>)> = owned
        .filter(|(_, owners)| !owners.is_empty() && owners.iter().all(|o| o.name != name))
        .collect();
    if !others.is_empty()
        && let Ok(id) = node_of(guest, database, machine)
    {
        others.retain(|(_, owners)| owners.iter().all(|owner| owner.id != id));
    }
    let given = others.into_iter().map(|(slot, owners)| GivenAway {
        slot,
        guests: owners.iter().map(|owner| owner.name.to_string()).collect(),
    });
    Ok(given.collect())
}

/// The node that a guest is by any of its names, which takes the whole cluster to tell.
fn node_of(guest: &str, database: &mut Database, machine: &Machine) -> Result<NodeId, Error> {
    let cluster = database.cluster()?;
    Ok(one_guest(guest, &cluster, database, machine)?.id)
}

/// The node that this machine is.
pub fn this_host<'c>(cluster: &'c Cluster, machine: &Machine) -> Option<&'c Node> {
    cluster.node_named(&Text::from(machine.own_name()?.as_str()))
}

fn one_guest<'c>(
    guest: &str,
    cluster: &'c Cluster,
    database: &mut Database,
    machine: &Machine,
) -> Result<&'c Node, Error> {
    if let Some(node) = cluster.node_named(&guest.into()) {
        return Ok(node);
    }
    let nodes = hosts_named(&[guest.to_owned()], cluster, database, machine)?;
    match nodes.as_slice() {
        [node] => Ok(node),
        nodes => Err(Error::Usage(format!(
            "{guest:?} names {} guests, and must name one",
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
