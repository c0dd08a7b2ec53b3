//! Database errors, each with the URL of its database.

use std::time::Duration;

use thiserror::Error;

use crate::database::DatabaseUrl;
use crate::failure::{Code, Failure, UNCHANGED};
use crate::rocks::ChangeError;

/// Why a request to a database failed.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The connection failed.
    #[error("cannot connect to {database}")]
    Connect {
        /// The database.
        database: DatabaseUrl,
        /// The error of the network, the server or the client library.
        source: Cause,
    },
    /// The server refused the user, the password, or this client's address.
    #[error("{database} refused the login")]
    Login {
        /// The database.
        database: DatabaseUrl,
        /// The server's error.
        source: Cause,
    },
    /// A statement failed; a change was rolled back.
    #[error("the request to {database} failed")]
    Query {
        /// The database.
        database: DatabaseUrl,
        /// The error of the server or the client library.
        source: Cause,
    },
    /// The user lacks the privilege, or the file cannot be opened.
    #[error("permission denied on {database}")]
    NotPermitted {
        /// The database.
        database: DatabaseUrl,
        /// The server's error.
        source: Cause,
    },
    /// The deadline passed.
    #[error("{database} did not answer within {} s", .limit.as_secs())]
    Timeout {
        /// The database.
        database: DatabaseUrl,
        /// The deadline.
        limit: Duration,
    },
    /// The connection was lost after `COMMIT` was sent and before it was confirmed.
    #[error("{database} did not confirm the change")]
    Unconfirmed {
        /// The database.
        database: DatabaseUrl,
        /// The error of the connection.
        source: Cause,
    },
    /// The user's `select` is invalid, or not read-only.
    #[error("invalid select statement")]
    Select {
        /// The reason.
        source: Cause,
    },
    /// The change conflicts with what is stored.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Rocks creates the nodes and places the guests of its clusters.
    #[error("cannot {what} in {database}: Rocks manages its hosts and guests")]
    ManagedByRocks {
        /// The database.
        database: DatabaseUrl,
        /// What was tried: `set the host of a guest`.
        what: &'static str,
    },
}

impl Failure for DatabaseError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::Connect { .. } => Code::DatabaseConnection,
            Self::Login { .. } => Code::DatabaseLogin,
            Self::Query { .. } => Code::DatabaseAnswer,
            Self::NotPermitted { .. } => Code::DatabasePermission,
            Self::Timeout { .. } => Code::DatabaseTimeout,
            Self::Unconfirmed { .. } => Code::DatabaseUnconfirmed,
            Self::Select { .. } => Code::SelectStatement,
            Self::Change(ChangeError::Exists(_)) => Code::AttributeExists,
            Self::ManagedByRocks { .. } => Code::ManagedByRocks,
        }]
    }

    fn state(&self) -> Option<String> {
        match self {
            Self::Unconfirmed { .. } => {
                Some("the change was sent; it was made completely or not at all".to_owned())
            }
            Self::Change(ChangeError::Exists(_)) => None,
            _ => Some(UNCHANGED.to_owned()),
        }
    }

    fn remedies(&self) -> Vec<String> {
        let remedy = match self {
            Self::Connect { .. } => {
                "check that the server is running and that the address is right (--database, GPUPT_DATABASE)"
            }
            Self::Login { .. } => {
                "check the user and the password; on Rocks, root's password is in /root/.rocks.my.cnf"
            }
            Self::NotPermitted {
                database: DatabaseUrl::Sqlite(_),
                ..
            } => "run this as root, and check that the path is a database file",
            Self::NotPermitted { .. } => "run this as root, on a Rocks cluster on its frontend",
            Self::Timeout { .. } => "check what the server is doing, then try again",
            Self::Unconfirmed { .. } => "check with `gpupci host list` before you try again",
            Self::ManagedByRocks { .. } => {
                "use `rocks add host`, `rocks add host vm` and `rocks set host vm`"
            }
            Self::Change(ChangeError::Exists(_)) => "replace it with `gpupci host set`",
            Self::Query { .. } | Self::Select { .. } => return Vec::new(),
        };
        vec![remedy.to_owned()]
    }
}

/// The error of a client library, as one line without passwords.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Cause(pub(crate) String);

impl Cause {
    /// What a driver `said`, made safe for a terminal.
    pub fn new(said: impl ToString) -> Self {
        let said = said.to_string();
        Self(crate::escape::printable(said.trim().as_bytes()).into_owned())
    }
}
