//! What can go wrong with a database, in words that name it.

use std::time::Duration;

use thiserror::Error;

use crate::database::DatabaseUrl;
use crate::rocks::ChangeError;

/// Why a database did not do what it was asked.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No connection came about.
    #[error("cannot connect to {database}")]
    Connect {
        /// The database.
        database: DatabaseUrl,
        /// What the network, the server or the library said.
        source: Cause,
    },
    /// The server knows the user not, or not with this password, or not from here.
    #[error("{database} does not let this user in")]
    Login {
        /// The database.
        database: DatabaseUrl,
        /// What the server said.
        source: Cause,
    },
    /// A query failed; a change was undone.
    #[error("{database} did not answer as it should")]
    Query {
        /// The database.
        database: DatabaseUrl,
        /// What the server or the library said.
        source: Cause,
    },
    /// The user may not do that.
    #[error("{database} does not permit this")]
    NotPermitted {
        /// The database.
        database: DatabaseUrl,
        /// What the server said.
        source: Cause,
    },
    /// The deadline passed.
    #[error("{database} did not answer within {} s", .limit.as_secs())]
    Late {
        /// The database.
        database: DatabaseUrl,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection was lost between sending a change and hearing that it was kept.
    #[error("{database} did not say whether it kept the change")]
    Unclear {
        /// The database.
        database: DatabaseUrl,
        /// What happened.
        source: Cause,
    },
    /// The statement after `select` is not one that only reads.
    #[error("this statement selects no hosts")]
    Select {
        /// Why.
        source: Cause,
    },
    /// The change contradicts what is stored.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Rocks makes the nodes and places the guests of its clusters.
    #[error("Rocks itself {what} in {database}")]
    Managed {
        /// The database.
        database: DatabaseUrl,
        /// What it does.
        what: &'static str,
    },
}

/// What a driver said, as one line without passwords.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Cause(pub(crate) String);

impl Cause {
    pub(super) fn new(said: impl ToString) -> Self {
        let said = said.to_string();
        Self(crate::escape::printable(said.trim().as_bytes()).into_owned())
    }
}
