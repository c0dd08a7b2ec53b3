//! What this module reads from a database.

use crate::rocks::{Change, ChangeError, Cluster, Directory, NodeId, Text};

/// Which kind of database a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The database of a Rocks frontend: `rocks` creates the hosts and places the guests.
    Rocks,
    /// The embedded one of a host without Rocks: `gpupci` does both.
    Embedded,
}

/// A database that holds Rocks' tables.
pub trait AttributeSource {
    /// Why a request to the database failed.
    type Error: From<ChangeError>;

    /// Which kind of database this is.
    fn origin(&self) -> Origin;

    /// All nodes and all attributes of cards, in one query.
    ///
    /// # Errors
    /// If the database fails, or does not answer in time.
    fn cluster(&mut self) -> Result<Cluster, Self::Error>;

    /// The part of the cluster that decides which cards the guest `name` gets: the nodes of that name,
    /// their physical hosts and the attributes of both, in one query whose cost does not grow with
    /// the cluster.
    ///
    /// # Errors
    /// If the database fails, or does not answer in time.
    fn guest(&mut self, name: &Text) -> Result<Cluster, Self::Error>;

    /// The part of the cluster that decides which guests own the cards of `host`: the host, its guests
    /// and the attributes of both, in one query whose cost does not grow with the cluster.
    ///
    /// # Errors
    /// If the database fails, or does not answer in time.
    fn guests_of(&mut self, host: &Text) -> Result<Cluster, Self::Error>;

    /// The other names of hosts.
    ///
    /// # Errors
    /// If the database fails, or does not answer in time.
    fn directory(&mut self) -> Result<Directory, Self::Error>;

    /// The first column that a `select` statement of the user returns. The statement can change nothing.
    ///
    /// # Errors
    /// If the statement is invalid, would change something, or takes too long.
    fn names_selected(&mut self, statement: &str) -> Result<Vec<Text>, Self::Error>;

    /// Applies `change` to the host `name` in one transaction; returns how many rows were written.
    ///
    /// # Errors
    /// If the change conflicts with what is stored, or the database refuses it; then nothing is
    /// changed.
    fn change(&mut self, name: &Text, change: &Change) -> Result<usize, Self::Error>;

    /// Creates the node `name` and applies `change` to it, in one transaction.
    ///
    /// # Errors
    /// As [`change`](Self::change); also if Rocks manages the nodes.
    fn change_new(
        &mut self,
        name: &Text,
        is_guest: bool,
        change: &Change,
    ) -> Result<usize, Self::Error>;

    /// Sets the host of a guest; `None` is this host.
    ///
    /// # Errors
    /// As [`change`](Self::change); also if Rocks manages the guests.
    fn place(&mut self, guest: NodeId, host: Option<NodeId>) -> Result<(), Self::Error>;
}
