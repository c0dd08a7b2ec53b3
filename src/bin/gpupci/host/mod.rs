//! `gpupci host …`: the attributes of the cluster.

mod allows;
mod change;
mod query;

use anyhow::Result;
use gpupt::database::Database;
use gpupt::error::Error;
use gpupt::host::Machine;
use gpupt::rocks::{Cluster, LookupError, Node, hosts_named};
use gpupt::settings::{Settings, database_of};

use crate::args::{Global, HostCommand};
use crate::report::Answer;

/// The parameters that every Rocks command accepts.
const COMMON: [&str; 3] = ["output-header", "output-col", "json"];

pub(crate) fn run(command: &HostCommand, global: &Global, machine: &Machine) -> Result<Answer> {
    let mut session = Session::open(global, machine)?;
    match command {
        HostCommand::Add(words) => session.add(&words.words),
        HostCommand::Set(words) => session.set(&words.words),
        HostCommand::Remove(words) => session.remove(&words.words),
        HostCommand::List(words) => session.list(&words.words),
        HostCommand::Report(words) => session.report(&words.words),
        HostCommand::Dump(words) => session.dump(&words.words),
        HostCommand::Conflicts => session.conflicts(),
        HostCommand::Allows { guest, cards } => session.allows(guest, cards, global),
        HostCommand::Place { guest, host } => session.place(guest, host),
    }
}

/// What a command needs: the database, the machine, the output format.
struct Session<'m> {
    database: Database,
    machine: &'m Machine,
    json: bool,
}

impl<'m> Session<'m> {
    fn open(global: &Global, machine: &'m Machine) -> Result<Self, Error> {
        let url = database_of(
            machine,
            &Settings::of(machine)?,
            global.database().as_deref(),
        )?;
        Ok(Self {
            database: Database::at(url),
            machine,
            json: global.json,
        })
    }

    fn hosts<'c>(
        &mut self,
        words: &[String],
        cluster: &'c Cluster,
    ) -> Result<Vec<&'c Node>, Error> {
        let found = hosts_named(words, cluster, &mut self.database, self.machine);
        found.map_err(|error: LookupError<_>| error.into())
    }

    fn one_host<'c>(&mut self, words: &[String], cluster: &'c Cluster) -> Result<&'c Node, Error> {
        match self.hosts(words, cluster)?.as_slice() {
            [node] => Ok(node),
            nodes => {
                let given = match words {
                    [] => "no host given".to_owned(),
                    words => format!("{:?} matches {} hosts", words.join(" "), nodes.len()),
                };
                Err(Error::Usage(format!("must supply one host: {given}")))
            }
        }
    }
}
