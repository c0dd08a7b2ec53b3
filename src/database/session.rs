//! What the statements need of a connection: the same trait for both databases.

use crate::database::error::Cause;
use crate::rocks::{ChangeError, Text};

/// A value of a row or of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Bytes(Vec<u8>),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&Text> for Cell {
    fn from(text: &Text) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<Option<&Text>> for Cell {
    fn from(text: Option<&Text>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

/// A row of an answer.
pub(super) type Row = Vec<Cell>;

/// Why a statement was not carried out.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused this user or password.
    Login(Cause),
    /// This user lacks the privilege.
    NotPermitted(Cause),
    /// A conflict with a concurrent change; a retry may succeed.
    Collision(Cause),
    /// The row exists already.
    Duplicate(Cause),
    /// The server refused the statement.
    Refused(Cause),
    /// The user's `select` is invalid.
    Select(Cause),
    /// Any other error.
    Other(Cause),
    /// The change conflicts with what is stored.
    Change(ChangeError),
}

impl Fault {
    /// The same error for a statement that the user typed.
    pub(super) fn of_select(self) -> Self {
        match self {
            Self::NotPermitted(cause) | Self::Duplicate(cause) | Self::Refused(cause) => {
                Self::Select(cause)
            }
            other => other,
        }
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

/// Runs statements; `?` in their text is a parameter.
pub(super) trait Session {
    /// Calls `on_row` with each row that `statement` returns.
    fn each_row(
        &mut self,
        statement: &'static str,
        parameters: &[Cell],
        on_row: &mut dyn FnMut(Row),
    ) -> Result<(), Fault>;

    /// All rows that `statement` returns, if these are few.
    fn rows(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        self.each_row(statement, parameters, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    /// Runs `statement` and returns the id of the row that it inserted, if it did.
    fn execute(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<i64, Fault>;

    /// The rows of a `select` that a user typed, in a read-only transaction.
    fn select(&mut self, statement: &str) -> Result<Vec<Row>, Fault>;

    /// A host's attributes, locked until the transaction ends.
    fn rows_to_change(
        &mut self,
        statement: Locking,
        parameters: &[Cell],
    ) -> Result<Vec<Row>, Fault>;
}

/// A statement that reads rows and locks them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locking {
    /// For MySQL, with `FOR UPDATE`.
    pub(super) mysql: &'static str,
    /// For SQLite, which locks the whole file at `BEGIN IMMEDIATE`.
    pub(super) sqlite: &'static str,
}
