//! Resolves the host arguments of a command.
//!
//! All commands follow the same rule. No argument means all hosts. `select …`, a pattern with `%`,
//! `rackN` and the name of an appliance match any number of hosts. Any other argument is one host, by its
//! name, an alias, an address of an interface, the name of an interface with its zone, or DNS. No argument
//! becomes part of an SQL statement.

use std::collections::BTreeSet;
use std::net::IpAddr;

use thiserror::Error;

use crate::escape::Excerpt;
use crate::failure::{Code, Failure};
use crate::rocks::{AttributeSource, Cluster, Node, NodeId, Text};

/// The other names of hosts.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// `aliases`.
    pub aliases: Vec<(NodeId, Text)>,
    /// `networks`, each with the zone of its subnet.
    pub interfaces: Vec<Interface>,
    /// `appliances.Name`, also of appliances without hosts.
    pub appliances: Vec<Text>,
}

/// A row of `networks`.
#[derive(Clone, Debug)]
pub struct Interface {
    /// The node that has the interface.
    pub node: NodeId,
    /// Its MAC address.
    pub mac: Option<Text>,
    /// Its IP address.
    pub ip: Option<Text>,
    /// Its name, usually that of the node.
    pub name: Option<Text>,
    /// `subnets.dnszone`.
    pub zone: Option<Text>,
}

/// How this machine resolves names.
pub trait Resolver {
    /// The name of this machine, without its domain.
    fn own_name(&self) -> Option<String>;

    /// The addresses that `/etc/hosts` and DNS have for a name; none if they do not know it, or do not
    /// answer in time.
    fn addresses(&self, name: &str) -> Vec<IpAddr>;
}

/// Why a host argument is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// The name cannot be resolved.
    #[error("cannot resolve host {}", Excerpt(.0))]
    Unknown(String),
    /// The name has an address, but no node has this address.
    #[error("host {} is not in cluster", Excerpt(.0))]
    NotInCluster(String),
    /// The argument is empty.
    #[error("a host name is empty")]
    Empty,
    /// A new host cannot have this name: other commands would read it as something else.
    #[error("invalid host name {}: {reason}", Excerpt(.name))]
    Unusable {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Failure for HostError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::Unknown(_) => Code::UnknownHost,
            Self::NotInCluster(_) => Code::NotInCluster,
            Self::Empty | Self::Unusable { .. } => Code::HostName,
        }]
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Why the host arguments could not be resolved.
#[derive(Debug)]
pub enum LookupError<E> {
    /// An argument is refused.
    Host(HostError),
    /// The database failed.
    Source(E),
}

/// The nodes that `words` match, in table order, each once.
///
/// # Errors
/// The error of the first word that is refused.
pub fn hosts_named<'c, S: AttributeSource>(
    words: &[String],
    cluster: &'c Cluster,
    source: &mut S,
    resolver: &dyn Resolver,
) -> Result<Vec<&'c Node>, LookupError<S::Error>> {
    if words.is_empty() {
        return Ok(cluster.nodes().iter().collect());
    }
    let mut lookup = Lookup {
        cluster,
        source,
        resolver,
        directory: None,
    };
    let mut ids = BTreeSet::new();
    for word in words {
        ids.extend(lookup.hosts_of(word)?);
    }
    Ok(ids.into_iter().filter_map(|id| cluster.node(id)).collect())
}

struct Lookup<'a, S> {
    cluster: &'a Cluster,
    source: &'a mut S,
    resolver: &'a dyn Resolver,
    directory: Option<Directory>,
}

impl<S: AttributeSource> Lookup<'_, S> {
    fn hosts_of(&mut self, word: &str) -> Result<Vec<NodeId>, LookupError<S::Error>> {
        if word.trim_matches(' ').is_empty() {
            return Err(LookupError::Host(HostError::Empty));
        }
        if is_select(word) {
            return self.selected(word);
        }
        if word.contains('%') {
            return Ok(self.nodes(|node| node.name.is_like(word)));
        }
        if let Some(hosts) = self.rack(word).or_else(|| self.appliance(word)) {
            return Ok(hosts);
        }
        self.single_host(word)
    }

    fn nodes(&self, wanted: impl Fn(&Node) -> bool) -> Vec<NodeId> {
        let nodes = self.cluster.nodes().iter();
        nodes
            .filter(|node| wanted(node))
            .map(|node| node.id)
            .collect()
    }

    fn selected(&mut self, statement: &str) -> Result<Vec<NodeId>, LookupError<S::Error>> {
        let names = self
            .source
            .names_selected(statement)
            .map_err(LookupError::Source)?;
        let mut ids = Vec::new();
        for name in names {
            let found = self.nodes(|node| node.name == name);
            if found.is_empty() {
                return Err(LookupError::Host(HostError::Unknown(name.to_string())));
            }
            ids.extend(found);
        }
        Ok(ids)
    }

    /// The hosts of `rackN` without frontends, if N is between the lowest and the highest rack's number.
    fn rack(&self, word: &str) -> Option<Vec<NodeId>> {
        let digits = word.strip_prefix("rack")?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let number = plain.then(|| digits.parse::<i64>().ok()).flatten()?;
        let racks = self.cluster.nodes().iter().filter_map(|node| node.rack);
        let (lowest, highest) = (racks.clone().min()?, racks.max()?);
        (lowest..=highest).contains(&number).then(|| {
            let frontend = Some(Text::from("frontend"));
            self.nodes(|node| node.rack == Some(number) && node.appliance != frontend)
        })
    }

    fn appliance(&self, word: &str) -> Option<Vec<NodeId>> {
        let hosts = self.nodes(|node| node.appliance.as_ref().is_some_and(|a| a.is_exactly(word)));
        (!hosts.is_empty()).then_some(hosts)
    }

    fn single_host(&mut self, word: &str) -> Result<Vec<NodeId>, LookupError<S::Error>> {
        if let Some(node) = self.cluster.node_named(&word.into()) {
            return Ok(vec![node.id]);
        }
        let cluster = self.cluster;
        let directory = self.directory()?;
        if directory
            .appliances
            .iter()
            .any(|name| name.is_exactly(word))
        {
            return Ok(Vec::new());
        }
        if let Some(node) = directory.node_known_as(word, cluster) {
            return Ok(vec![node]);
        }
        self.resolve(word)
            .map(|node| vec![node])
            .map_err(LookupError::Host)
    }

    /// This machine is asked last: a DNS server that is down takes the whole deadline.
    fn resolve(&self, word: &str) -> Result<NodeId, HostError> {
        let directory = self.directory.as_ref();
        let addresses = match word.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) if word == "localhost" => vec![IpAddr::from([127, 0, 0, 1])],
            Err(_) => self.resolver.addresses(word),
        };
        let node = addresses.iter().find_map(|address| {
            let name = if address.is_loopback() {
                self.resolver.own_name()?
            } else {
                address.to_string()
            };
            let node = self
                .cluster
                .node_named(&name.as_str().into())
                .map(|node| node.id);
            node.or_else(|| directory?.node_known_as(&name, self.cluster))
        });
        let by_interface = || {
            let is_known_elsewhere = !addresses.is_empty();
            directory
                .filter(|_| is_known_elsewhere)?
                .node_of_interface(word, self.cluster)
        };
        node.or_else(by_interface).ok_or_else(|| {
            if addresses.is_empty() {
                HostError::Unknown(word.to_owned())
            } else {
                HostError::NotInCluster(word.to_owned())
            }
        })
    }

    fn directory(&mut self) -> Result<&Directory, LookupError<S::Error>> {
        if self.directory.is_none() {
            self.directory = Some(self.source.directory().map_err(LookupError::Source)?);
        }
        Ok(self.directory.get_or_insert_default())
    }
}

impl Directory {
    fn node_known_as(&self, word: &str, cluster: &Cluster) -> Option<NodeId> {
        let name = Text::from(word);
        let is_node = |node: NodeId| cluster.node(node).is_some();
        let mut aliased = self
            .aliases
            .iter()
            .filter(|(node, alias)| *alias == name && is_node(*node));
        if let (Some((node, _)), None) = (aliased.next(), aliased.next()) {
            return Some(*node);
        }
        let mut interfaces = self
            .interfaces
            .iter()
            .filter(|interface| is_node(interface.node));
        let interface = interfaces.find(|interface| {
            [&interface.mac, &interface.ip]
                .into_iter()
                .flatten()
                .any(|known| *known == name)
                || interface.has_qualified_name(word, cluster)
        });
        interface.map(|interface| interface.node)
    }

    /// The node that has an interface of this name. Without its zone, such a name counts only if DNS knows it too:
    /// then the tables have the interface with another address.
    fn node_of_interface(&self, word: &str, cluster: &Cluster) -> Option<NodeId> {
        let name = Some(Text::from(word));
        let mut interfaces = self.interfaces.iter();
        let interface = interfaces.find(|i| i.name == name && cluster.node(i.node).is_some());
        interface.map(|interface| interface.node)
    }
}

impl Interface {
    /// Whether `word` is `NAME.ZONE`, where NAME is the interface's or its node's name.
    fn has_qualified_name(&self, word: &str, cluster: &Cluster) -> bool {
        let Some((host, zone)) = word.split_once('.') else {
            return false;
        };
        let host = Some(Text::from(host));
        self.zone == Some(Text::from(zone))
            && (self.name == host || cluster.node(self.node).map(|node| node.name.clone()) == host)
    }
}

fn is_select(word: &str) -> bool {
    word.split_ascii_whitespace()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("select") && first.len() < word.len())
}

/// Checks that `name` is valid for a new node: that other commands cannot read it as something else.
///
/// # Errors
/// If it is not valid, with the reason.
pub fn check_node_name(name: &str, directory: &Directory) -> Result<(), HostError> {
    let reason = if name.len() > 64 {
        "it is longer than 64 bytes"
    } else if name
        .chars()
        .any(|c| c.is_control() || "%/\\'\"`".contains(c))
    {
        "it contains a control character, a quote, /, \\ or %"
    } else if name.trim() != name || name.is_empty() {
        "it starts or ends with a blank"
    } else if name.starts_with(['-', '.']) {
        "it starts with - or ."
    } else if name.parse::<IpAddr>().is_ok() || name == "localhost" || name.contains(':') {
        "it is an address"
    } else if is_select(name) || name.contains('=') {
        "it would be read as a select statement or a parameter"
    } else if name
        .strip_prefix("rack")
        .is_some_and(|n| n.parse::<u64>().is_ok())
    {
        "it is the name of a rack"
    } else if directory
        .appliances
        .iter()
        .any(|appliance| appliance.is_exactly(name))
    {
        "it is the name of an appliance"
    } else {
        return Ok(());
    };
    Err(HostError::Unusable {
        name: name.to_owned(),
        reason,
    })
}
