//! The changes of `gpupci host`: add, set, remove, place.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::guest::this_host;
use gpupt::rocks::{
    AttributeName, AttributeSource, Change, Cluster, Effect, HostError, Judged, Node, NodeId,
    Origin, Text, ValueError, check_node_name, effects_of,
};

use super::Session;
use crate::report::Answer;
use crate::rocks_arguments::{RocksArguments, Target};

/// A change that was made.
struct Changed {
    /// How many rows were written.
    rows: usize,
    /// The answer, with a note for each effect.
    answer: Answer,
}

impl Session<'_> {
    pub(super) fn add(&mut self, words: &[String]) -> Result<Answer> {
        let (hosts, name, value) = new_value(words)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        match self.one_host(&hosts, &cluster) {
            Ok(node) => {
                let host = node.name.to_string();
                let change = checked(Change::add, &host, name, &value, node.is_guest)?;
                Ok(self.change(&cluster, node, &change)?.answer)
            }
            Err(Error::Host(HostError::Unknown(host) | HostError::NotInCluster(host)))
                if self.creates_hosts() =>
            {
                Ok(self.add_new(&cluster, &host, name, &value)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Without Rocks, the first card of a host creates the host.
    fn add_new(
        &mut self,
        cluster: &Cluster,
        host: &str,
        name: AttributeName,
        value: &str,
    ) -> Result<Answer, Error> {
        check_node_name(host, &self.database.directory()?)?;
        let is_guest = Text::from(name.as_str()) == Text::from(AttributeName::GUEST);
        let change = checked(Change::add, host, name, value, is_guest)?;
        let node: Text = host.into();
        self.database.change_new(&node, is_guest, &change)?;
        let (with_node, id) = cluster.with_node(&node, is_guest);
        let mut answer = Answer::default();
        if !is_guest && this_host(&with_node, self.machine).map(|here| here.id) != Some(id) {
            answer
                .notes
                .push(Effect::NewHost(node.to_string()).to_string());
        }
        answer.notes.extend(self.effects(&with_node, id, &change));
        Ok(answer)
    }

    fn creates_hosts(&self) -> bool {
        self.database.origin() == Origin::Embedded
    }

    pub(super) fn set(&mut self, words: &[String]) -> Result<Answer> {
        let (hosts, name, value) = new_value(words)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let node = self.one_host(&hosts, &cluster)?;
        let host = node.name.to_string();
        let change = checked(Change::set, &host, name, &value, node.is_guest)?;
        Ok(self.change(&cluster, node, &change)?.answer)
    }

    pub(super) fn remove(&mut self, words: &[String]) -> Result<Answer> {
        let words = RocksArguments::new(words, &["gpu", "output-header", "output-col", "json"])?;
        let Target {
            hosts,
            arguments: [name],
        } = words.target(["gpu"])?;
        let change = Change::remove(&name).map_err(Error::from)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let node = self.one_host(&hosts, &cluster)?;
        let Changed { rows, mut answer } = self.change(&cluster, node, &change)?;
        if rows == 0 {
            let name = Text::from(name.as_str());
            answer.notes.push(format!(
                "{} has no attribute {name} of its own: nothing to remove",
                node.name
            ));
        }
        Ok(answer)
    }

    /// Makes a change of `node`, and notes its effects.
    fn change(
        &mut self,
        cluster: &Cluster,
        node: &Node,
        change: &Change,
    ) -> Result<Changed, Error> {
        let rows = self.database.change(&node.name, change)?;
        let mut answer = Answer::default();
        if rows > 0 {
            answer.notes = self.effects(cluster, node.id, change);
        }
        Ok(Changed { rows, answer })
    }

    /// The effects of a change that was made of the `cluster` as it was read before.
    fn effects(&self, cluster: &Cluster, node: NodeId, change: &Change) -> Vec<String> {
        let Ok(after) = cluster.with_change(node, change) else {
            // Another client changed the attribute meanwhile.
            return Vec::new();
        };
        let conflicts = |cluster: &Cluster| self.conflicts_in(cluster);
        let (found, found_after) = (conflicts(cluster), conflicts(&after));
        let before = Judged {
            cluster,
            conflicts: &found,
        };
        let after = Judged {
            cluster: &after,
            conflicts: &found_after,
        };
        let effects = effects_of(before, after, node, change.name());
        effects.iter().map(ToString::to_string).collect()
    }

    pub(super) fn place(&mut self, guest: &str, host: &str) -> Result<Answer> {
        let cluster = self.database.cluster().map_err(Error::from)?;
        let guest = self.one_host(&[guest.to_owned()], &cluster)?;
        let host = self.one_host(&[host.to_owned()], &cluster)?;
        if !guest.is_guest || host.is_guest {
            let which = if guest.is_guest { host } else { guest };
            let not = if guest.is_guest {
                "a guest, not a host"
            } else {
                "not a guest"
            };
            return Err(Error::Usage(format!("{} is {not}", which.name)).into());
        }
        self.database
            .place(guest.id, Some(host.id))
            .map_err(Error::from)?;
        Ok(Answer::done(String::new()))
    }
}

fn new_value(words: &[String]) -> Result<(Vec<String>, AttributeName, String), Error> {
    let words = RocksArguments::new(
        words,
        &["gpu", "value", "output-header", "output-col", "json"],
    )?;
    let Target {
        hosts,
        arguments: [name, value],
    } = words.target(["gpu", "value"])?;
    Ok((hosts, name.parse()?, value))
}

fn checked(
    make: fn(AttributeName, &str, bool) -> Result<Change, ValueError>,
    host: &str,
    name: AttributeName,
    value: &str,
    is_guest: bool,
) -> Result<Change, Error> {
    let attribute = name.to_string();
    make(name, value, is_guest).map_err(|source| Error::Value {
        host: host.to_owned(),
        attribute,
        source,
    })
}
