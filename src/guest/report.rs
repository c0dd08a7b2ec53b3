//! Many guests, one after another, from one reading of the cluster.

use crate::database::Database;
use crate::error::Error;
use crate::guest::{GuestName, splice_from};
use crate::host::Machine;
use crate::rocks::{AttributeSource, Cluster};

/// The guests of one report. The cluster is read at the first guest, by one statement, and not again: all
/// guests of a report have the cards of one moment.
pub struct Report {
    database: Database,
    machine: Machine,
    cluster: Option<Cluster>,
}

impl Report {
    /// A report from `database` on `machine`. It does not connect yet.
    pub fn new(database: Database, machine: Machine) -> Self {
        Self {
            database,
            machine,
            cluster: None,
        }
    }

    /// `xml` with the cards of `guest`, as [`splice_guest`](super::splice_guest) does it.
    ///
    /// # Errors
    /// As [`splice_guest`](super::splice_guest). If the cluster could not be read, the next guest tries again.
    pub fn splice(&mut self, guest: GuestName, xml: &[u8]) -> Result<Vec<u8>, Error> {
        let cluster = match &mut self.cluster {
            Some(cluster) => cluster,
            none => none.insert(self.database.cluster()?),
        };
        splice_from(cluster, guest, xml, &mut self.database, &self.machine)
    }
}
