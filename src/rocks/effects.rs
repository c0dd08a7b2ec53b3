//! What a change of an attribute does to others: the conflicts that it brings, and the inherited attributes that it
//! covers or uncovers.

use std::collections::HashMap;
use std::fmt;

use crate::rocks::{Attribute, Category, Cluster, Conflict, NodeId, Text};

/// What the user should know about a change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The cluster has this conflict now.
    Conflict(Conflict),
    /// A node has an inherited attribute now, because its own is gone.
    Inherits(Inherited),
    /// A node no longer has an inherited attribute, because its own is effective.
    Overrides(Inherited),
    /// A node still has an inherited attribute: its category has precedence over the node's own.
    StillInherits(Inherited),
    /// A physical host that the database did not have was added.
    NewHost(String),
}

/// An inherited attribute of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// The node.
    node: String,
    /// The attribute's name.
    attribute: String,
    /// Its value.
    value: String,
    /// Its category, and the member of it.
    from: String,
}

/// A cluster and its conflicts.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    /// Its conflicts.
    pub conflicts: &'c [Conflict],
}

/// The effects of a change of the attribute `name` of `node`.
pub fn effects_of(before: Judged, after: Judged, node: NodeId, name: &str) -> Vec<Effect> {
    let mut effects: Vec<Effect> = inheritance(before.cluster, after.cluster, node, name)
        .into_iter()
        .collect();
    let mut known: HashMap<(&str, &str), Vec<&Conflict>> = HashMap::new();
    for conflict in before.conflicts {
        let key = (conflict.kind(), conflict.node());
        known.entry(key).or_default().push(conflict);
    }
    let is_new = |conflict: &&Conflict| {
        let known = known.get(&(conflict.kind(), conflict.node()));
        !known.is_some_and(|known| known.iter().any(|known| conflict.is_part_of(known)))
    };
    let new = after.conflicts.iter().filter(is_new);
    effects.extend(new.cloned().map(Effect::Conflict));
    effects
}

/// What the change did to the inherited attribute of this name.
fn inheritance(before: &Cluster, after: &Cluster, node: NodeId, name: &str) -> Option<Effect> {
    let now = after.node(node)?;
    let effective = after.attribute_of(now, name)?;
    let has_own = || {
        let mut own = after.own_attributes_of(now);
        own.any(|own| own.name == effective.name)
    };
    if effective.category != Category::Host {
        let inherited = Inherited::of(effective, &now.name);
        return match has_own() {
            true => Some(Effect::StillInherits(inherited)),
            false => own_before(before, node, effective).then_some(Effect::Inherits(inherited)),
        };
    }
    let former = before.attribute_of(before.node(node).unwrap_or(now), name)?;
    let is_inherited = former.category != Category::Host;
    is_inherited.then(|| Effect::Overrides(Inherited::of(former, &now.name)))
}

/// Whether the node had an effective attribute of its own instead of this one.
fn own_before(before: &Cluster, node: NodeId, inherited: &Attribute) -> bool {
    let node = before.node(node);
    let mut own = node
        .into_iter()
        .flat_map(|node| before.own_attributes_of(node));
    own.any(|own| own.name == inherited.name && own.precedence >= inherited.precedence)
}

impl Inherited {
    fn of(attribute: &Attribute, node: &Text) -> Self {
        let member = &attribute.member;
        Self {
            node: node.to_string(),
            attribute: attribute.name.to_string(),
            value: attribute
                .value
                .as_ref()
                .map_or_else(String::new, Text::to_string),
            from: match attribute.category {
                Category::Global => "the global attributes".to_owned(),
                Category::Os => format!("the operating system {member}"),
                Category::Appliance => format!("the appliance {member}"),
                Category::Host => format!("the host {member}"),
            },
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => write!(f, "conflict: {conflict}"),
            Self::Inherits(Inherited {
                node,
                attribute,
                value,
                from,
            }) => {
                write!(f, "{node} now inherits {attribute} = {value} from {from}")
            }
            Self::Overrides(Inherited {
                node,
                attribute,
                value,
                from,
            }) => write!(
                f,
                "{node} now has its own {attribute} instead of {value}, which it inherited from {from}"
            ),
            Self::StillInherits(Inherited {
                node,
                attribute,
                value,
                from,
            }) => write!(
                f,
                "{node} still gets {attribute} = {value} from {from}, which has precedence over its own"
            ),
            Self::NewHost(host) => write!(
                f,
                "{host} was not in the cluster and was added as a physical host. If it is a guest, remove \
                 this and use the attribute gpupci"
            ),
        }
    }
}
