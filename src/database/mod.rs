//! Rocks' tables, in Rocks' MySQL or in an embedded SQLite file: the same rows and the same statements.
//!
//! Every statement is a constant in `statements.rs`, and every value is bound as a parameter.
//! Connecting and every request have a deadline, whatever the server does.

mod change;
mod deadline;
mod error;
mod mysql;
mod rows;
mod session;
mod source;
mod sqlite;
mod statements;
mod transaction;
mod url;

pub use error::{Cause, DatabaseError};
pub use source::Database;
pub use url::{DatabaseUrl, Server, UrlError};

use std::time::Duration;

/// The time limit of connecting, and of each request.
pub const DEADLINE: Duration = Duration::from_secs(5);
