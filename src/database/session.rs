//! A connection as the statements see it: the same for both databases.

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
    /// The server refuses this user or this password.
    Login(Cause),
    /// The server refuses this to this user.
    NotPermitted(Cause),
    /// Two changes stood in each other's way; the same again may go well.
    Collision(Cause),
    /// The row is there already.
    Duplicate(Cause),
    /// The statement is understood, and refused.
    Refused(Cause),
    /// What a user typed after `select` is not a question for hosts.
    Select(Cause),
    /// All else.
    Other(Cause),
    /// The change contradicts what is stored.
    Change(ChangeError),
}

impl Fault {
    /// What a fault means when the statement is the user's.
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

/// What a statement may need; `?` in its text stands for a parameter.
pub(super) trait Session {
    /// Calls `see` with each row that `statement` gives.
    fn each_row(
        &mut self,
        statement: &'static str,
        parameters: &[Cell],
        see: &mut dyn FnMut(Row),
    ) -> Result<(), Fault>;

    /// The rows that `statement` gives, where these are few.
    fn rows(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        self.each_row(statement, parameters, &mut |row| rows.push(row))?;
        Ok(rows)
    }

    /// Carries `statement` out, and gives the id of the row that it made, if it made one.
    fn execute(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<i64, Fault>;

    /// The rows of a `select` that a user typed, in a transaction that cannot write.
    fn select(&mut self, statement: &str) -> Result<Vec<Row>, Fault>;

    /// A host's attributes for a change: nobody else changes them until the transaction ends.
    fn rows_to_change(
        &mut self,
        statement: Locking,
        parameters: &[Cell],
    ) -> Result<Vec<Row>, Fault>;
}

/// A statement that reads rows in order to change them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locking {
    /// As MySQL needs it, with `FOR UPDATE`.
    pub(super) mysql: &'static str,
    /// As SQLite needs it, which locks the whole file at `BEGIN IMMEDIATE`.
    pub(super) sqlite: &'static str,
}
