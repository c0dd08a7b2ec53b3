//! A cluster as it is after a change.

use crate::rocks::cluster::{Attribute, Category, Cluster, Node, NodeId};
use crate::rocks::{Change, ChangeError, OwnAttribute, Text, Write, plan_change};

/// The precedence of hosts in Rocks' chain. A cluster without any attribute of a host does not say its own.
const HOST_PRECEDENCE: i64 = 50;

impl Cluster {
    /// This cluster with one more node, and the node's id.
    #[must_use]
    pub fn with_node(&self, name: &Text, is_guest: bool) -> (Self, NodeId) {
        let id = 1 + self.nodes().iter().map(|node| node.id).max().unwrap_or(0);
        let appliance = if is_guest {
            "hosted-vm"
        } else {
            "vm-container"
        };
        let node = Node {
            id,
            name: name.clone(),
            appliance: Some(appliance.into()),
            os: Some("linux".into()),
            rack: Some(0),
            is_guest,
            physical_host: None,
        };
        let nodes = self.nodes().iter().cloned().chain([node]);
        (Self::new(nodes.collect(), self.attributes().to_vec()), id)
    }

    /// This cluster after a change of `node`.
    ///
    /// # Errors
    /// If the change is refused.
    pub fn with_change(&self, node: NodeId, change: &Change) -> Result<Self, ChangeError> {
        let Some(node) = self.node(node) else {
            return Ok(self.clone());
        };
        let own = self.own_attributes_of(node).map(|attribute| OwnAttribute {
            id: attribute.id,
            name: attribute.name.clone(),
            value: attribute.value.clone(),
        });
        let writes = plan_change(&own.collect::<Vec<_>>(), change)?;
        let mut attributes = self.attributes().to_vec();
        for write in writes {
            apply(write, node, &mut attributes);
        }
        Ok(Self::new(self.nodes().to_vec(), attributes))
    }
}

fn apply(write: Write, node: &Node, attributes: &mut Vec<Attribute>) {
    match write {
        Write::Insert { name, value } => {
            let ids = attributes.iter().map(|attribute| attribute.id);
            let id = 1 + ids.max().unwrap_or(0);
            let mut known = attributes.iter();
            let known = known.find(|attribute| attribute.category == Category::Host);
            attributes.push(Attribute {
                id,
                name: name.as_str().into(),
                value,
                category: Category::Host,
                member: node.name.clone(),
                precedence: known.map_or(HOST_PRECEDENCE, |known| known.precedence),
            });
        }
        Write::Update { id, value } => {
            if let Some(attribute) = attributes.iter_mut().find(|one| one.id == id) {
                attribute.value = value;
            }
        }
        Write::Delete { id } => attributes.retain(|attribute| attribute.id != id),
    }
}
