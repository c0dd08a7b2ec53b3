//! Changes of a host's attributes, and the rows that they write.

use thiserror::Error;

use crate::escape::Excerpt;
use crate::rocks::attribute::{AttributeName, old_copy, stored_value};
use crate::rocks::{NameError, Text, ValueError};

/// A validated change of one attribute of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds an attribute that does not exist yet, or has this value already.
    Add {
        /// Its name.
        name: AttributeName,
        /// Its value, as stored.
        value: String,
    },
    /// Adds it or replaces its value; the former value is kept as `NAME_old`. The same value changes nothing.
    Set {
        /// Its name.
        name: AttributeName,
        /// Its value, as stored.
        value: String,
    },
    /// Removes it and `NAME_old`. Invalid names too, if they begin with `gpupci`: the original
    /// allowed them.
    Remove {
        /// Its name.
        name: String,
    },
}

impl Change {
    /// The name of the attribute.
    pub fn name(&self) -> &str {
        match self {
            Self::Add { name, .. } | Self::Set { name, .. } => name.as_str(),
            Self::Remove { name } => name,
        }
    }

    /// Adds `name` with `value`, in any spelling, to a guest or a physical host.
    ///
    /// # Errors
    /// If the value is invalid.
    pub fn add(name: AttributeName, value: &str, on_guest: bool) -> Result<Self, ValueError> {
        let value = stored_value(value, on_guest)?;
        Ok(Self::Add { name, value })
    }

    /// Sets `name` to `value`, in any spelling, on a guest or a physical host.
    ///
    /// # Errors
    /// If the value is invalid.
    pub fn set(name: AttributeName, value: &str, on_guest: bool) -> Result<Self, ValueError> {
        let value = stored_value(value, on_guest)?;
        Ok(Self::Set { name, value })
    }

    /// Removes `name`.
    ///
    /// # Errors
    /// If the name does not begin with `gpupci`.
    pub fn remove(name: &str) -> Result<Self, NameError> {
        let prefix = AttributeName::GUEST;
        match name.get(..prefix.len()) {
            Some(start) if start.eq_ignore_ascii_case(prefix) => Ok(Self::Remove {
                name: name.to_owned(),
            }),
            _ => Err(NameError::Prefix),
        }
    }
}

/// An attribute set on a host itself, with the id of its row.
#[derive(Clone, Debug)]
pub struct OwnAttribute {
    /// `attributes.ID`.
    pub id: i64,
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Option<Text>,
}

impl OwnAttribute {
    /// Whether its value is exactly this.
    fn has(&self, value: &str) -> bool {
        self.value.as_ref().is_some_and(|own| own.is_exactly(value))
    }
}

/// One row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new row.
    Insert {
        /// `attributes.Attr`.
        name: String,
        /// `attributes.Value`.
        value: Option<Text>,
    },
    /// A new value for a row.
    Update {
        /// `attributes.ID`.
        id: i64,
        /// `attributes.Value`.
        value: Option<Text>,
    },
    /// A row to delete.
    Delete {
        /// `attributes.ID`.
        id: i64,
    },
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// `add` never replaces a value by another.
    #[error("gpu {} exists", Excerpt(.0))]
    Exists(String),
}

/// The writes that apply `change` to a host with the attributes `own`; none if it is so already.
///
/// # Errors
/// If an attribute to be added exists with another value.
pub fn plan_change(own: &[OwnAttribute], change: &Change) -> Result<Vec<Write>, ChangeError> {
    let row = |name: &str| own.iter().find(|row| row.name == Text::from(name));
    Ok(match change {
        Change::Add { name, value } => {
            let current = row(name.as_str());
            if current.is_some_and(|row| row.has(value)) {
                return Ok(Vec::new());
            }
            if current.is_some() {
                return Err(ChangeError::Exists(name.to_string()));
            }
            vec![upsert(None, name.as_str(), Some(value.as_str().into()))]
        }
        Change::Set { name, value } => {
            let current = row(name.as_str());
            if current.is_some_and(|row| row.has(value)) {
                return Ok(Vec::new());
            }
            let former = current
                .zip(name.old())
                .map(|(current, old)| upsert(row(&old), &old, current.value.clone()));
            let new = upsert(current, name.as_str(), Some(value.as_str().into()));
            [Some(new), former].into_iter().flatten().collect()
        }
        Change::Remove { name } => [name.as_str(), &old_copy(name)]
            .into_iter()
            .filter_map(row)
            .map(|row| Write::Delete { id: row.id })
            .collect(),
    })
}

fn upsert(row: Option<&OwnAttribute>, name: &str, value: Option<Text>) -> Write {
    match row {
        Some(row) => Write::Update { id: row.id, value },
        None => Write::Insert {
            name: name.to_owned(),
            value,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn own(rows: &[(i64, &str, &str)]) -> Vec<OwnAttribute> {
        let row = |(id, name, value): &(i64, &str, &str)| OwnAttribute {
            id: *id,
            name: (*name).into(),
            value: Some((*value).into()),
        };
        rows.iter().map(row).collect()
    }

    fn name(text: &str) -> AttributeName {
        text.parse().unwrap_or_else(|e| unreachable!("{text}: {e}"))
    }

    fn set(name_: &str, value: &str) -> Change {
        Change::Set {
            name: name(name_),
            value: value.to_owned(),
        }
    }

    fn update(id: i64, value: &str) -> Write {
        Write::Update {
            id,
            value: Some(value.into()),
        }
    }

    fn insert(name: &str, value: &str) -> Write {
        Write::Insert {
            name: name.to_owned(),
            value: Some(value.into()),
        }
    }

    #[test]
    fn add_inserts_one_row_and_refuses_an_existing_name() {
        let add = Change::Add {
            name: name("gpupcia"),
            value: "v".to_owned(),
        };
        assert_eq!(plan_change(&[], &add), Ok(vec![insert("gpupcia", "v")]));
        assert_eq!(
            plan_change(&own(&[(7, "gpupciA ", "x")]), &add),
            Err(ChangeError::Exists("gpupcia".to_owned()))
        );
    }

    #[test]
    fn set_keeps_the_former_value() {
        assert_eq!(
            plan_change(&[], &set("gpupci", "b")),
            Ok(vec![insert("gpupci", "b")])
        );
        assert_eq!(
            plan_change(&own(&[(7, "gpupci", "a")]), &set("gpupci", "b")),
            Ok(vec![update(7, "b"), insert("gpupci_old", "a")])
        );
        assert_eq!(
            plan_change(
                &own(&[(7, "gpupci", "b"), (8, "gpupci_old", "a")]),
                &set("gpupci", "c")
            ),
            Ok(vec![update(7, "c"), update(8, "b")])
        );
        assert_eq!(
            plan_change(&own(&[(8, "gpupci_old", "a")]), &set("gpupci_old", "c")),
            Ok(vec![update(8, "c")])
        );
    }

    #[test]
    fn value_that_is_there_already_is_not_written_again() {
        let rows = own(&[(7, "gpupci", "b"), (8, "gpupci_old", "a")]);
        let add = Change::Add {
            name: name("gpupci"),
            value: "b".to_owned(),
        };
        assert_eq!(plan_change(&rows, &set("gpupci", "b")), Ok(Vec::new()));
        assert_eq!(plan_change(&rows, &add), Ok(Vec::new()));
        assert_eq!(
            plan_change(&rows, &set("gpupci", "B")),
            Ok(vec![update(7, "B"), update(8, "b")])
        );
    }

    #[test]
    fn remove_deletes_the_former_value_too() {
        let rows = own(&[
            (7, "gpupci", "b"),
            (8, "gpupci_old", "a"),
            (9, "gpupci1", "c"),
        ]);
        let plan = |rows: &[OwnAttribute], name: &str| {
            Change::remove(name).map(|change| plan_change(rows, &change))
        };
        let both = vec![Write::Delete { id: 7 }, Write::Delete { id: 8 }];
        assert_eq!(plan(&rows, "gpupci"), Ok(Ok(both.clone())));
        assert_eq!(plan(&rows, "GPUPCI"), Ok(Ok(both)));
        assert_eq!(plan(&[], "gpupci 3"), Ok(Ok(vec![])));
        assert_eq!(plan(&rows, "os"), Err(NameError::Prefix));
        assert_eq!(plan(&rows, "gpupcé"), Err(NameError::Prefix));
    }
}
