//! The changes of `gpupci host`: add, set, remove, place.

use anyhow::Result;
use gpupt::error::Error;
use gpupt::rocks::{
    AttributeName, AttributeSource, Change, HostError, Origin, Text, ValueError, check_node_name,
};

use super::Session;
use crate::report::Answer;
use crate::rocks_arguments::{RocksArguments, Target};

impl Session<'_> {
    pub(super) fn add(&mut self, words: &[String]) -> Result<Answer> {
        let (hosts, name, value) = new_value(words)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        match self.one_host(&hosts, &cluster) {
            Ok(node) => {
                let change = checked(
                    Change::add,
                    &node.name.to_string(),
                    name,
                    &value,
                    node.is_guest,
                )?;
                self.database
                    .change(&node.name, &change)
                    .map_err(Error::from)?;
            }
            Err(Error::Host(HostError::Unknown(host) | HostError::NotInCluster(host)))
                if self.creates_hosts() =>
            {
                self.add_new(&host, name, &value)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Answer::done(String::new()))
    }

    /// Without Rocks, the first card of a host creates the host.
    fn add_new(&mut self, host: &str, name: AttributeName, value: &str) -> Result<(), Error> {
        check_node_name(host, &self.database.directory()?)?;
        let is_guest = Text::from(name.as_str()) == Text::from(AttributeName::GUEST);
        let change = checked(Change::add, host, name, value, is_guest)?;
        self.database.change_new(&host.into(), is_guest, &change)?;
        Ok(())
    }

    fn creates_hosts(&self) -> bool {
        self.database.origin() == Origin::Embedded
    }

    pub(super) fn set(&mut self, words: &[String]) -> Result<Answer> {
        let (hosts, name, value) = new_value(words)?;
        let cluster = self.database.cluster().map_err(Error::from)?;
        let node = self.one_host(&hosts, &cluster)?;
        let change = checked(
            Change::set,
            &node.name.to_string(),
            name,
            &value,
            node.is_guest,
        )?;
        self.database
            .change(&node.name, &change)
            .map_err(Error::from)?;
        Ok(Answer::done(String::new()))
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
        let removed = self
            .database
            .change(&node.name, &change)
            .map_err(Error::from)?;
        let mut answer = Answer::done(String::new());
        if removed == 0 {
            let name = Text::from(name.as_str());
            answer.notes.push(format!(
                "{} has no attribute {name} of its own: nothing to remove",
                node.name
            ));
        }
        Ok(answer)
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
