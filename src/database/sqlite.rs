//! The embedded database: a SQLite file with Rocks' tables.

use std::path::Path;
use std::time::Instant;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, params_from_iter};

use crate::database::DEADLINE;
use crate::database::error::Cause;
use crate::database::session::{Cell, Fault, Locking, Row, Session};
use crate::database::statements::{EMBEDDED_ROWS, EMBEDDED_TABLES};
use crate::rocks::Text;

/// The version of the tables that this program supports.
const TABLES: i64 = 1;
/// The number of SQLite's instructions between two checks of the deadline.
const INSTRUCTIONS: i32 = 10_000;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading: nothing can be changed.
    Reading,
    /// Changing: a missing file or missing tables are created.
    Changing,
}

/// Opens the file at `path`, which may not have tables yet.
pub(super) fn open(path: &Path, purpose: Purpose) -> Result<Connection, Fault> {
    // Read-write even for reading: SQLite must first roll back a change that a crash interrupted. SQLite
    // itself opens a read-only file for reading.
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if purpose == Purpose::Changing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    prepare(
        Connection::open_with_flags(path, flags).map_err(fault)?,
        purpose,
    )
}

/// The database that a missing file stands for: Rocks' tables without a node.
pub(super) fn empty() -> Result<Connection, Fault> {
    let connection = Connection::open_in_memory().map_err(fault)?;
    prepare(connection, Purpose::Changing)
}

fn prepare(mut connection: Connection, purpose: Purpose) -> Result<Connection, Fault> {
    connection.busy_timeout(DEADLINE).map_err(fault)?;
    let collate = |a: &str, b: &str| Text::from(a).collate(&Text::from(b));
    connection
        .create_collation("latin1_swedish_ci", collate)
        .map_err(fault)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(fault)?;
    let mut found = version(&connection)?;
    if found == 0 && purpose == Purpose::Reading {
        if has_no_tables(&connection)? {
            return empty();
        }
        // Another process may have created them just now.
        found = version(&connection)?;
    }
    match (found, purpose) {
        (TABLES, _) => {}
        (0, Purpose::Changing) => create_tables(&mut connection)?,
        (found, _) => {
            let other = format!(
                "its tables have version {found}, but this program supports version {TABLES}"
            );
            return Err(Fault::Other(Cause::new(other)));
        }
    }
    if purpose == Purpose::Reading {
        connection
            .pragma_update(None, "query_only", true)
            .map_err(fault)?;
    }
    Ok(connection)
}

fn has_no_tables(connection: &Connection) -> Result<bool, Fault> {
    let count = "SELECT count(*) FROM sqlite_master";
    let count: i64 = connection
        .query_row(count, [], |row| row.get(0))
        .map_err(fault)?;
    Ok(count == 0)
}

fn version(connection: &Connection) -> Result<i64, Fault> {
    let first = |row: &rusqlite::Row<'_>| row.get(0);
    connection
        .query_row("PRAGMA user_version", [], first)
        .map_err(fault)
}

/// Of two processes that open the same new file, the second finds the tables of the first.
fn create_tables(connection: &mut Connection) -> Result<(), Fault> {
    use rusqlite::TransactionBehavior::Immediate;
    let transaction = connection
        .transaction_with_behavior(Immediate)
        .map_err(fault)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(EMBEDDED_TABLES).map_err(fault)?;
        transaction.execute_batch(EMBEDDED_ROWS).map_err(fault)?;
    }
    transaction.commit().map_err(fault)
}

impl Session for Connection {
    fn each_row(
        &mut self,
        statement: &'static str,
        parameters: &[Cell],
        on_row: &mut dyn FnMut(Row),
    ) -> Result<(), Fault> {
        query(self, statement, parameters, on_row)
    }

    fn execute(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<i64, Fault> {
        self.prepare(statement)
            .and_then(|mut prepared| prepared.execute(params_from_iter(bound(parameters))))
            .map_err(fault)?;
        Ok(self.last_insert_rowid())
    }

    fn select(&mut self, statement: &str) -> Result<Vec<Row>, Fault> {
        let end = Instant::now() + DEADLINE;
        let is_late = move || Instant::now() > end;
        self.progress_handler(INSTRUCTIONS, Some(is_late))
            .map_err(fault)?;
        let prepared = self
            .prepare(statement)
            .map_err(|error| fault(error).of_select())?;
        if !prepared.readonly() || prepared.column_count() == 0 {
            return Err(Fault::Select(Cause::new("the statement is not read-only")));
        }
        drop(prepared);
        let mut rows = Vec::new();
        query(self, statement, &[], &mut |row| rows.push(row)).map_err(Fault::of_select)?;
        Ok(rows)
    }

    fn rows_to_change(
        &mut self,
        statement: Locking,
        parameters: &[Cell],
    ) -> Result<Vec<Row>, Fault> {
        self.rows(statement.sqlite, parameters)
    }
}

fn query(
    connection: &Connection,
    statement: &str,
    parameters: &[Cell],
    on_row: &mut dyn FnMut(Row),
) -> Result<(), Fault> {
    let mut prepared = connection.prepare(statement).map_err(fault)?;
    let width = prepared.column_count();
    let mut rows = prepared
        .query(params_from_iter(bound(parameters)))
        .map_err(fault)?;
    while let Some(row) = rows.next().map_err(fault)? {
        let cells = (0..width).map(|column| row.get_ref(column).map(cell));
        on_row(cells.collect::<Result<Row, Error>>().map_err(fault)?);
    }
    Ok(())
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Bytes(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

fn bound(parameters: &[Cell]) -> impl Iterator<Item = Value> {
    parameters.iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => Value::Integer(*number),
        Cell::Bytes(bytes) => match String::from_utf8(bytes.clone()) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Blob(error.into_bytes()),
        },
    })
}

pub(super) fn fault(error: Error) -> Fault {
    let cause = Cause::new(&error);
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            Fault::NotPermitted(cause)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Collision(cause),
        Some(ErrorCode::ConstraintViolation) => Fault::Duplicate(cause),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Fault::Other(cause)
        }
        _ => Fault::Refused(cause),
    }
}
