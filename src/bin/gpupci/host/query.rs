//! The queries of `gpupci host`: list, report, dump, conflicts.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::exit::Exit;
use gpupt::guest::{host_groups, this_host};
use gpupt::rocks::{
    Attribute, AttributeName, AttributeSource, Cluster, Conflict, Node, Origin, Resolver, Text,
    conflicts_of,
};
use serde_json::{Value, json};

use super::{COMMON, Session};
use crate::report::Answer;
use crate::rocks_arguments::RocksArguments;
use crate::rocks_table::{RocksTable, Row};
use crate::{json, python, shell};

impl Session<'_> {
    pub(super) fn list(&mut self, words: &[String]) -> Result<Answer> {
        let words = RocksArguments::new(words, &COMMON)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let nodes = self.hosts(words.hosts(), &cluster)?;
        let owned = nodes
            .into_iter()
            .flat_map(|node| shown(&cluster, node).map(move |a| (node, a)));
        let owned: Vec<(&Node, &Attribute)> = owned.collect();
        if self.json {
            return Ok(Answer::done(json::document(
                "gpus",
                owned.iter().map(object).collect(),
            )));
        }
        if words.is_true("json") == Some(true) {
            return Ok(Answer::done(rocks_json(&owned)));
        }
        let columns = RocksTable {
            owner: "host",
            names: ["gpu", "pci_bus"],
            rows: owned.iter().map(row).collect(),
        };
        let with_header = words.is_true("output-header").unwrap_or(true);
        Ok(Answer::done(
            columns.text(with_header, words.parameter("output-col")),
        ))
    }

    pub(super) fn report(&mut self, words: &[String]) -> Result<Answer> {
        let words = RocksArguments::new(
            words,
            &["gpu", "pydict", "output-header", "output-col", "json"],
        )?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let mut nodes = self.hosts(words.hosts(), &cluster)?;
        // As the original: all hosts come in the order of the table's index, named ones in that of their bytes.
        match words.hosts() {
            [] => nodes.sort_by(|a, b| a.name.collate(&b.name)),
            _ => nodes.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes())),
        }
        let wanted = words.parameter("gpu").map(Text::from);
        let of =
            |node| shown(&cluster, node).filter(|a| wanted.as_ref().is_none_or(|w| a.name == *w));
        if self.json || words.is_true("json") == Some(true) {
            let owned: Vec<(&Node, &Attribute)> = nodes
                .into_iter()
                .flat_map(|node| of(node).map(move |a| (node, a)))
                .collect();
            return Ok(Answer::done(match self.json {
                true => json::document("gpus", owned.iter().map(object).collect()),
                false => rocks_json(&owned),
            }));
        }
        let is_dictionary = words.is_true("pydict") == Some(true);
        let lines = nodes.into_iter().flat_map(|node| {
            let texts: Vec<String> = match (&wanted, is_dictionary) {
                (Some(_), _) => of(node).map(value_or_none).collect(),
                (None, true) => vec![python::dictionary(of(node).map(item))],
                (None, false) => of(node)
                    .map(|a| format!("{}:{}", a.name, value_or_none(a)))
                    .collect(),
            };
            texts.into_iter().map(move |text| (node, text))
        });
        Ok(Answer::done(owned_lines(
            &lines.collect::<Vec<_>>(),
            is_dictionary,
        )))
    }

    pub(super) fn dump(&mut self, words: &[String]) -> Result<Answer> {
        let words = RocksArguments::new(words, &COMMON)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let nodes = self.hosts(words.hosts(), &cluster)?;
        let is_dumped = |attribute: &&Attribute| {
            let value = attribute.value.as_ref().map_or(&[][..], Text::as_bytes);
            attribute
                .name
                .as_bytes()
                .starts_with(AttributeName::GUEST.as_bytes())
                && !value.is_empty()
        };
        let owned = nodes.into_iter().flat_map(|node| {
            cluster
                .own_attributes_of(node)
                .filter(is_dumped)
                .map(move |attribute| (node, attribute))
        });
        if self.json {
            let objects: Vec<Value> = owned.map(|owned| object(&owned)).collect();
            return Ok(Answer::done(json::document("gpus", objects)));
        }
        let own = self
            .machine
            .own_name()
            .map(|name| Text::from(name.as_str()));
        let mut text = Vec::new();
        for (node, attribute) in owned {
            let is_here = own.as_ref() == Some(&node.name);
            let host = if is_here {
                b"localhost"
            } else {
                node.name.as_bytes()
            };
            let value = attribute.value.as_ref().map_or(&[][..], Text::as_bytes);
            text.extend(b"/opt/rocks/bin/rocks add host gpu");
            for word in [host, attribute.name.as_bytes(), value] {
                text.push(b' ');
                text.extend(shell::quote(word));
            }
            text.push(b'\n');
        }
        Ok(Answer {
            text,
            ..Answer::done(String::new())
        })
    }

    pub(super) fn conflicts(&mut self) -> Result<Answer> {
        let cluster = self.database.cluster().map_err(Error::from)?;
        let conflicts = self.conflicts_in(&cluster);
        let text = if self.json {
            json::document("conflicts", conflicts.iter().map(conflict).collect())
        } else {
            conflicts
                .iter()
                .map(|conflict| format!("{conflict}\n"))
                .collect()
        };
        let exit = if conflicts.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        };
        Ok(Answer {
            exit,
            ..Answer::done(text)
        })
    }

    /// The conflicts of a cluster, also those of the IOMMU groups of this host.
    pub(super) fn conflicts_in(&self, cluster: &Cluster) -> Vec<Conflict> {
        let here = this_host(cluster, self.machine);
        let groups = here.map(|host| host_groups(host, self.machine));
        let default_host = match self.database.origin() {
            Origin::Embedded => here,
            Origin::Rocks => None,
        };
        conflicts_of(cluster, default_host, groups.as_ref())
    }
}

/// The attributes of a node, without former values.
fn shown<'c>(cluster: &'c Cluster, node: &Node) -> impl Iterator<Item = &'c Attribute> {
    cluster
        .attributes_of(node)
        .into_iter()
        .filter(|attribute| !attribute.is_old_copy())
}

fn row<'c>((node, attribute): &(&'c Node, &'c Attribute)) -> Row<'c, 2> {
    let value = attribute.value.as_ref().map(Text::printable);
    (
        node.name.printable(),
        [Some(attribute.name.printable()), value],
    )
}

fn item(attribute: &Attribute) -> (&[u8], Option<&[u8]>) {
    (
        attribute.name.as_bytes(),
        attribute.value.as_ref().map(Text::as_bytes),
    )
}

fn value_or_none(attribute: &Attribute) -> String {
    attribute
        .value
        .as_ref()
        .map_or_else(|| "None".to_owned(), Text::to_string)
}

fn object((node, attribute): &(&Node, &Attribute)) -> Value {
    json!({
        "host": raw(&node.name),
        "is_guest": node.is_guest,
        "gpu": raw(&attribute.name),
        "value": attribute.value.as_ref().map(raw),
        "category": attribute.category.to_string(),
    })
}

fn conflict(conflict: &Conflict) -> Value {
    json!({
        "kind": conflict.kind(),
        "node": conflict.node(),
        "message": conflict.to_string(),
    })
}

/// The lines, each with its host unless there is only one. Dictionaries follow each other without a
/// line end, as the original prints them.
fn owned_lines(lines: &[(&Node, String)], is_dictionary: bool) -> String {
    let is_one_owner = lines.windows(2).all(|pair| pair[0].0.id == pair[1].0.id);
    let end = if is_dictionary { "" } else { "\n" };
    let line = |(node, text): &(&Node, String)| match is_one_owner {
        true => format!("{text}{end}"),
        false => format!("{}: {text}{end}", node.name),
    };
    let mut text: String = lines.iter().map(line).collect();
    if is_dictionary && !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The output of Rocks' `json=yes`: Python's layout, with a blank after each comma.
fn rocks_json(owned: &[(&Node, &Attribute)]) -> String {
    if owned.is_empty() {
        return String::new();
    }
    let host = |cards: &[(&Node, &Attribute)]| {
        let card = |(_, attribute): &(&Node, &Attribute)| {
            let value = attribute.value.as_ref().map(Text::to_string);
            format!(
                "            {{\n                \"gpu\": {}, \n                \"pci_bus\": {}\n            }}",
                json::python_string(Some(&attribute.name.to_string())),
                json::python_string(value.as_deref()),
            )
        };
        format!(
            "    {{\n        \"gpu\": [\n{}\n        ], \n        \"host\": {}\n    }}",
            cards.iter().map(card).collect::<Vec<_>>().join(", \n"),
            json::python_string(Some(&cards[0].0.name.to_string())),
        )
    };
    let hosts = owned.chunk_by(|a, b| a.0.id == b.0.id).map(host);
    format!("[\n{}\n]\n", hosts.collect::<Vec<_>>().join(", \n"))
}

/// A text for JSON, which does its own escaping; only text that is not UTF-8 is escaped as for a terminal.
fn raw(text: &Text) -> String {
    text.as_str()
        .map_or_else(|| text.to_string(), str::to_owned)
}
