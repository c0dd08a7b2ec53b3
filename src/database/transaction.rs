//! Runs a change as one transaction, on either database.

use std::path::PathBuf;

use mysql::Conn;
use mysql::prelude::Queryable;
use rusqlite::Connection;

use crate::database::deadline::Decision;
use crate::database::error::Cause;
use crate::database::mysql as server;
use crate::database::session::{Fault, Session};
use crate::database::sqlite::{self, Purpose};
use crate::host::Machine;

/// How often a change is tried that conflicts with a concurrent one.
const TRIES: usize = 3;

/// Statements that can be sent to a thread and retried.
pub(super) trait Work<T>: Fn(&mut dyn Session) -> Result<T, Fault> + Send + 'static {}

impl<T, F: Fn(&mut dyn Session) -> Result<T, Fault> + Send + 'static> Work<T> for F {}

/// How a change failed.
pub(super) enum Failed {
    /// It was rolled back.
    RolledBack(Fault),
    /// `COMMIT` was sent and not answered.
    Unconfirmed(Cause),
}

/// Runs `work` on a server, and retries if it conflicts with a concurrent change.
pub(super) fn on_server(
    conn: &mut Conn,
    work: &impl Work<usize>,
    decision: &Decision,
) -> Result<usize, Failed> {
    let mut tries = 0..TRIES;
    loop {
        tries.next();
        let begun = conn.query_drop("START TRANSACTION").map_err(server::fault);
        let fault = match begun.and_then(|()| work(conn)) {
            Ok(done) if decision.commit() => {
                return match conn.query_drop("COMMIT") {
                    Ok(()) => Ok(done),
                    // An error of the server itself means that nothing was committed.
                    Err(error @ mysql::Error::MySqlError(_)) => {
                        Err(Failed::RolledBack(server::fault(error)))
                    }
                    Err(error) => Err(Failed::Unconfirmed(Cause::new(error))),
                };
            }
            Ok(_) => Fault::Other(Cause::new("the deadline passed")),
            Err(fault) => fault,
        };
        // If this fails, the connection is lost, and the server rolls back.
        let _ = conn.query_drop("ROLLBACK");
        if !matches!(fault, Fault::Collision(_)) || tries.is_empty() {
            return Err(Failed::RolledBack(fault));
        }
    }
}

/// Runs `work` on the embedded file, which is created if it does not exist.
pub(super) fn on_file(path: PathBuf, work: impl Work<usize>) -> Result<usize, Fault> {
    Machine::make_database(&path).map_err(|error| Fault::NotPermitted(Cause::new(error)))?;
    let mut connection: Connection = sqlite::open(&path, Purpose::Changing)?;
    connection
        .execute("BEGIN IMMEDIATE", [])
        .map_err(sqlite::fault)?;
    let done = work(&mut connection)?;
    connection.execute("COMMIT", []).map_err(sqlite::fault)?;
    Ok(done)
}
