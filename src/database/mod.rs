//! Rocks' tables, in Rocks' MySQL and in a SQLite file of our own: the same rows, the same
//! statements, the same answers.
//!
//! Every statement is a constant of `statements.rs` and every value travels as a parameter.
//! Connecting and each piece of work have a deadline, whatever the server does.

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

/// How long connecting may take, and how long each query after that.
pub const DEADLINE: Duration = Duration::from_secs(5);
