//! What the decisions of this module need to know from a database.

use crate::rocks::{Change, ChangeError, Cluster, Directory, NodeId, Text};

/// Whose tables a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those of a Rocks frontend, where `rocks` makes the hosts and places the guests.
    Rocks,
    /// Our own on a host without Rocks, where `gpupci` does both.
    Embedded,
}

/// A database that holds Rocks' tables.
pub trait AttributeSource {
    /// Why the database did not do what it was asked.
    type Error: From<ChangeError>;

    /// Whose tables these are.
    fn origin(&self) -> Origin;

    /// All nodes and all attributes of cards, by one query.
    ///
    /// # Errors
    /// When the database does not answer as it should, in time.
    fn cluster(&mut self) -> Result<Cluster, Self::Error>;

    /// The part of the cluster that decides what the guest `name` gets: the nodes of that name and
    /// their physical hosts, and the attributes of both; by one query whose cost does not grow with
    /// the cluster.
    ///
    /// # Errors
    /// When the database does not answer as it should, in time.
    fn guest(&mut self, name: &Text) -> Result<Cluster, Self::Error>;

    /// The part of the cluster that decides whose the cards of `host` are: that host and its
    /// guests, and the attributes of both; by one query whose cost does not grow with the cluster.
    ///
    /// # Errors
    /// When the database does not answer as it should, in time.
    fn guests_of(&mut self, host: &Text) -> Result<Cluster, Self::Error>;

    /// By which other names hosts are known.
    ///
    /// # Errors
    /// When the database does not answer as it should, in time.
    fn directory(&mut self) -> Result<Directory, Self::Error>;

    /// The first column of what a `select` statement of the user gives, which can change nothing.
    ///
    /// # Errors
    /// When the statement is wrong, would change something, or takes too long.
    fn names_selected(&mut self, statement: &str) -> Result<Vec<Text>, Self::Error>;

    /// Changes the attributes of the host `name`, all or nothing, and tells how many rows that took.
    ///
    /// # Errors
    /// When the change contradicts what is stored, or the database refuses it; nothing is changed
    /// then.
    fn change(&mut self, name: &Text, change: &Change) -> Result<usize, Self::Error>;

    /// Makes a node, and changes its attributes, all or nothing.
    ///
    /// # Errors
    /// As [`change`](Self::change); where Rocks makes the nodes this is not done.
    fn change_new(
        &mut self,
        name: &Text,
        is_guest: bool,
        change: &Change,
    ) -> Result<usize, Self::Error>;

    /// Says on which host a guest lives; `None` is this one.
    ///
    /// # Errors
    /// As [`change`](Self::change); where Rocks places the guests this is not done.
    fn place(&mut self, guest: NodeId, host: Option<NodeId>) -> Result<(), Self::Error>;
}
