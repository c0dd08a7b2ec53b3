//! Converts rows to the types of `rocks`.

use crate::database::error::Cause;
use crate::database::session::{Cell, Fault, Row};
use crate::rocks::{Attribute, Category, Cluster, Directory, Interface, Node, OwnAttribute, Text};

/// Why an answer does not have the form that the statement defines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

type Result<T> = std::result::Result<T, Malformed>;

/// The nodes and attributes of [`CLUSTER`](super::statements::CLUSTER), row by row.
#[derive(Default)]
pub(super) struct ClusterRows {
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    malformed: Option<Malformed>,
}

impl ClusterRows {
    /// Adds a row. [`cluster`](Self::cluster) returns the first malformed one.
    pub(super) fn add(&mut self, row: Row) {
        if let Err(malformed) = self.take(row) {
            self.malformed.get_or_insert(malformed);
        }
    }

    fn take(&mut self, row: Row) -> Result<()> {
        match kind(&row)? {
            0 => self.nodes.push(node(row)?),
            _ => self.attributes.extend(attribute(row)?),
        }
        Ok(())
    }

    /// The cluster of these rows, of which some may be duplicates.
    pub(super) fn cluster(mut self) -> Result<Cluster> {
        if let Some(malformed) = self.malformed {
            return Err(malformed);
        }
        self.nodes.sort_by_key(|node| node.id);
        self.nodes.dedup_by_key(|node| node.id);
        self.attributes.sort_by_key(|attribute| attribute.id);
        self.attributes.dedup_by_key(|attribute| attribute.id);
        Ok(Cluster::new(self.nodes, self.attributes))
    }
}

fn node(row: Row) -> Result<Node> {
    let [_, id, name, appliance, os, _, rack, guest, host] = columns(row)?;
    Ok(Node {
        id: integer(&id)?.ok_or(Malformed("a node without an id"))?,
        name: text(name).unwrap_or_default(),
        appliance: text(appliance),
        os: text(os),
        rack: integer(&rack)?,
        is_guest: guest != Cell::Null,
        physical_host: integer(&host)?.filter(|id| *id != 0),
    })
}

/// `None` for a category that is ignored.
fn attribute(row: Row) -> Result<Option<Attribute>> {
    let [_, id, name, value, category, member, precedence, _, _] = columns(row)?;
    let category = text(category).unwrap_or_default();
    let Some(category) = Category::named(category.as_bytes()) else {
        return Ok(None);
    };
    Ok(Some(Attribute {
        id: integer(&id)?.ok_or(Malformed("an attribute without an id"))?,
        name: text(name).unwrap_or_default(),
        value: text(value),
        category,
        member: text(member).unwrap_or_default(),
        precedence: integer(&precedence)?.unwrap_or_default(),
    }))
}

/// The names of [`DIRECTORY`](super::statements::DIRECTORY).
pub(super) fn directory(rows: Vec<Row>) -> Result<Directory> {
    let mut directory = Directory::default();
    for row in rows {
        let kind = kind(&row)?;
        let [_, node, first, ip, name, zone] = columns(row)?;
        match (kind, integer(&node)?) {
            (0, Some(node)) => directory
                .aliases
                .extend(text(first).map(|alias| (node, alias))),
            (1, Some(node)) => directory.interfaces.push(Interface {
                node,
                mac: text(first),
                ip: text(ip),
                name: text(name),
                zone: text(zone),
            }),
            (2, _) => directory.appliances.extend(text(first)),
            _ => {}
        }
    }
    Ok(directory)
}

/// The rows of [`OWN_ATTRIBUTES`](super::statements::OWN_ATTRIBUTES).
pub(super) fn own_attributes(rows: Vec<Row>) -> Result<Vec<OwnAttribute>> {
    let own = |row| {
        let [id, name, value] = columns(row)?;
        Ok(OwnAttribute {
            id: integer(&id)?.ok_or(Malformed("an attribute without an id"))?,
            name: text(name).unwrap_or_default(),
            value: text(value),
        })
    };
    rows.into_iter().map(own).collect()
}

/// The first column of the rows that a user selected, without NULL.
pub(super) fn names(rows: Vec<Row>) -> Vec<Text> {
    let first = |row: Row| row.into_iter().next().and_then(text);
    rows.into_iter().filter_map(first).collect()
}

/// The id in the first row.
pub(super) fn first_id(rows: &[Row]) -> Result<Option<i64>> {
    match rows.first().and_then(|row| row.first()) {
        Some(cell) => integer(cell),
        None => Ok(None),
    }
}

fn kind(row: &Row) -> Result<i64> {
    let kind = row.first().map(integer).transpose()?.flatten();
    kind.ok_or(Malformed("a row of unknown kind"))
}

fn columns<const N: usize>(row: Row) -> Result<[Cell; N]> {
    row.try_into()
        .map_err(|_| Malformed("a row with the wrong number of columns"))
}

fn text(cell: Cell) -> Option<Text> {
    match cell {
        Cell::Null => None,
        Cell::Int(number) => Some(number.to_string().as_str().into()),
        Cell::Bytes(bytes) => Some(bytes.into()),
    }
}

fn integer(cell: &Cell) -> Result<Option<i64>> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Int(number) => Ok(Some(*number)),
        Cell::Bytes(digits) => std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or(Malformed("an invalid number")),
    }
}

/// The error of a malformed answer.
pub(super) fn malformed(Malformed(what): Malformed) -> Fault {
    Fault::Other(Cause::new(format!("the answer is invalid: {what}")))
}
