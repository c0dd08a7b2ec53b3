//! The nodes and attributes of a cluster, and which of several attributes of one name is effective.
//!
//! A host has the attributes of four categories: its own, its appliance's, its operating system's
//! and the global ones. The one whose category has the highest precedence wins. Rocks lets its
//! server choose the winner, but newer servers answer that query wrongly, so it is chosen here.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use crate::gpu::natural_order;
use crate::rocks::attribute::is_old_copy;
use crate::rocks::{AttributeName, Text};

/// Identifies a node: `nodes.ID`.
pub type NodeId = i64;

/// A row of `nodes`, with what selects its attributes.
#[derive(Clone, Debug)]
pub struct Node {
    /// `nodes.ID`: the order of the table.
    pub id: NodeId,
    /// Its name.
    pub name: Text,
    /// Its appliance; `None` if its membership does not exist.
    pub appliance: Option<Text>,
    /// `nodes.OS`.
    pub os: Option<Text>,
    /// `nodes.Rack`.
    pub rack: Option<i64>,
    /// Whether it is a virtual machine: `vm_nodes` has a row for it.
    pub is_guest: bool,
    /// The node that a virtual machine runs on.
    pub physical_host: Option<NodeId>,
}

/// Which hosts an attribute applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// All hosts.
    Global,
    /// The hosts of an operating system.
    Os,
    /// The hosts of an appliance.
    Appliance,
    /// One host.
    Host,
}

impl Category {
    /// The category called `name` in `categories.Name`. Rocks has `rack` too, but ignores it.
    pub fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"global" => Some(Self::Global),
            b"os" => Some(Self::Os),
            b"appliance" => Some(Self::Appliance),
            b"host" => Some(Self::Host),
            _ => None,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "global",
            Self::Os => "os",
            Self::Appliance => "appliance",
            Self::Host => "host",
        })
    }
}

/// A row of `attributes`, with the member of its category and its precedence.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// `attributes.ID`: the order in which attributes were added.
    pub id: i64,
    /// Its name.
    pub name: Text,
    /// Its value; `None` is SQL's NULL.
    pub value: Option<Text>,
    /// The category it was set in.
    pub category: Category,
    /// The member of the category: a host's name, an appliance, ….
    pub member: Text,
    /// `resolvechain.Precedence` of the category: the highest wins.
    pub precedence: i64,
}

impl Attribute {
    /// Whether this holds the former value of another attribute.
    pub fn is_old_copy(&self) -> bool {
        is_old_copy(self.name.as_bytes())
    }
}

/// All nodes, and all attributes whose name contains `gpupci`.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    /// Indices into `attributes`, by category and member.
    members: HashMap<(Category, Text), Vec<usize>>,
    by_id: HashMap<NodeId, usize>,
    /// Made at the first search for a name: most commands search for none.
    by_name: OnceLock<HashMap<Text, usize>>,
}

impl Cluster {
    /// A cluster of these rows, which may come in any order.
    pub fn new(mut nodes: Vec<Node>, mut attributes: Vec<Attribute>) -> Self {
        nodes.sort_by_key(|node| node.id);
        attributes.sort_by_key(|attribute| attribute.id);
        let mut members: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, attribute) in attributes.iter().enumerate() {
            let key = (attribute.category, attribute.member.clone());
            members.entry(key).or_default().push(index);
        }
        let by_id = nodes.iter().enumerate().map(|(i, n)| (n.id, i)).collect();
        Self {
            nodes,
            attributes,
            members,
            by_id,
            by_name: OnceLock::new(),
        }
    }

    /// All nodes, in table order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All attributes, in the order in which they were added.
    pub(super) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.by_id.get(&id).map(|index| &self.nodes[*index])
    }

    /// The first node of this name.
    pub fn node_named(&self, name: &Text) -> Option<&Node> {
        let by_name = self.by_name.get_or_init(|| {
            // The first of several nodes comes last here, and so replaces the others.
            let nodes = self.nodes.iter().enumerate().rev();
            nodes.map(|(i, node)| (node.name.clone(), i)).collect()
        });
        by_name.get(name).map(|index| &self.nodes[*index])
    }

    /// The effective attributes of `node`: for each name the one with the highest precedence, if the
    /// winner's name contains `gpupci` in lower case; in natural order.
    pub fn attributes_of(&self, node: &Node) -> Vec<&Attribute> {
        let mut winners: Vec<&Attribute> = self.own_attributes_of(node).collect();
        for inherited in self.inherited_by(node) {
            match winners
                .iter_mut()
                .find(|winner| winner.name == inherited.name)
            {
                None => winners.push(inherited),
                Some(winner) if winner.precedence < inherited.precedence => *winner = inherited,
                Some(_) => {}
            }
        }
        winners.retain(|attribute| contains_gpupci(attribute.name.as_bytes()));
        winners.sort_by(|a, b| natural_order(a.name.as_bytes(), b.name.as_bytes()));
        winners
    }

    /// The attributes set on `node` itself, in the order in which they were added.
    pub fn own_attributes_of(&self, node: &Node) -> impl Iterator<Item = &Attribute> {
        self.applying_to(Category::Host, node.name.clone())
    }

    /// The effective attribute `name` of `node`. If two categories have the same precedence, the
    /// narrower one wins, here and in [`attributes_of`](Self::attributes_of).
    pub fn attribute_of(&self, node: &Node, name: &str) -> Option<&Attribute> {
        let name = Text::from(name);
        self.own_attributes_of(node)
            .chain(self.inherited_by(node))
            .filter(|attribute| attribute.name == name)
            .reduce(|best, next| {
                if best.precedence < next.precedence {
                    next
                } else {
                    best
                }
            })
            .filter(|winner| contains_gpupci(winner.name.as_bytes()))
    }

    /// The attribute that lists the cards of the guest `node`.
    pub fn cards_attribute_of(&self, node: &Node) -> Option<&Attribute> {
        self.attribute_of(node, AttributeName::GUEST)
    }

    fn inherited_by(&self, node: &Node) -> impl Iterator<Item = &Attribute> {
        let appliance = node
            .appliance
            .clone()
            .map(|name| (Category::Appliance, name));
        let os = node.os.clone().map(|name| (Category::Os, name));
        let global = Some((Category::Global, Text::from("global")));
        [appliance, os, global]
            .into_iter()
            .flatten()
            .flat_map(|(category, member)| self.applying_to(category, member))
    }

    fn applying_to(&self, category: Category, member: Text) -> impl Iterator<Item = &Attribute> {
        let indices = self.members.get(&(category, member));
        indices
            .into_iter()
            .flatten()
            .map(|index| &self.attributes[*index])
    }
}

fn contains_gpupci(name: &[u8]) -> bool {
    let prefix = AttributeName::GUEST.as_bytes();
    name.windows(prefix.len()).any(|window| window == prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn node() -> Node {
        Node {
            id: 1,
            name: "rocks-33".into(),
            appliance: Some("hosted-vm".into()),
            os: Some("linux".into()),
            rack: Some(0),
            is_guest: true,
            physical_host: None,
        }
    }

    fn attribute(id: i64, name: &str, category: Category, member: &str) -> Attribute {
        let precedence = match category {
            Category::Global => 10,
            Category::Os => 20,
            Category::Appliance => 30,
            Category::Host => 50,
        };
        Attribute {
            id,
            name: name.into(),
            value: Some(format!("value{id}").as_str().into()),
            category,
            member: member.into(),
            precedence,
        }
    }

    const MEMBERS: [(Category, &str); 7] = [
        (Category::Global, "global"),
        (Category::Os, "linux"),
        (Category::Appliance, "hosted-vm"),
        (Category::Host, "rocks-33"),
        (Category::Os, "sunos"),
        (Category::Appliance, "compute"),
        (Category::Host, "rocks-34"),
    ];

    #[test]
    fn attribute_of_the_highest_category_wins() {
        let all = MEMBERS.iter().zip(1..);
        let attributes = all
            .map(|((c, m), id)| attribute(id, "gpupci1", *c, m))
            .collect();
        let cluster = Cluster::new(vec![node()], attributes);
        let found: Vec<i64> = cluster
            .attributes_of(&node())
            .iter()
            .map(|a| a.id)
            .collect();
        assert_eq!(found, [4]);
        assert_eq!(
            cluster.attribute_of(&node(), "GPUPCI1").map(|a| a.id),
            Some(4)
        );
    }

    #[test]
    fn attribute_names_are_merged_by_collation_and_ordered_by_number() {
        let cluster = Cluster::new(
            vec![node()],
            vec![
                attribute(1, "gpupci10", Category::Host, "ROCKS-33"),
                attribute(2, "gpupci2", Category::Global, "global"),
                attribute(3, "GPUPCI2 ", Category::Os, "Linux"),
                attribute(4, "gpupci3", Category::Os, "linux"),
                attribute(5, "my_gpupci", Category::Host, "rocks-33"),
            ],
        );
        let shown: Vec<i64> = cluster
            .attributes_of(&node())
            .iter()
            .map(|a| a.id)
            .collect();
        assert_eq!(
            shown,
            [4, 1, 5],
            "GPUPCI2 hides gpupci2 and is not shown itself"
        );
    }

    proptest! {
        /// Compared with the definition: group by name, take the maximum.
        #[test]
        fn effective_attribute_has_the_maximum_precedence(
            rows in prop::collection::btree_set((0..3usize, 0..MEMBERS.len()), 0..20)
        ) {
            let attributes: Vec<Attribute> = rows.iter().zip(1..).map(|((name, member), id)| {
                let (category, member) = MEMBERS[*member];
                attribute(id, &format!("gpupci{name}"), category, member)
            }).collect();
            let applies = |a: &&Attribute| MEMBERS[..4].contains(&(a.category, a.member.as_str().unwrap_or("")));
            let mut expected = Vec::new();
            for name in 0..3 {
                let name = Text::from(format!("gpupci{name}").as_str());
                let best = attributes.iter().filter(applies).filter(|a| a.name == name)
                    .max_by_key(|a| a.precedence);
                expected.extend(best.map(|a| a.id));
            }
            let cluster = Cluster::new(vec![node()], attributes);
            let found: Vec<i64> = cluster.attributes_of(&node()).iter().map(|a| a.id).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
