//! Every error that ends a command.

use thiserror::Error;

use crate::database::{DatabaseError, UrlError};
use crate::domain_xml::XmlError;
use crate::failure::{Code, Failure, UNCHANGED, remedy};
use crate::host::{LockError, StateFileError, SysfsError};
use crate::naming::NamingError;
use crate::rocks::{GuestError, HostError, LookupError, NameError, ValueError};
use crate::settings::{DatabaseChoiceError, SettingsError};

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// An argument names no host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A name is not valid for an attribute.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A value is not valid for an attribute.
    #[error("invalid value for attribute {attribute} of {host}")]
    Value {
        /// Whose attribute.
        host: String,
        /// Its name.
        attribute: String,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// The cards of a guest are not known.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The database failed or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The domain XML is refused.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The URL of a database is wrong.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// sysfs cannot be read.
    #[error(transparent)]
    Sysfs(#[from] SysfsError),
    /// The names or records of cards cannot be read or written.
    #[error(transparent)]
    StateFile(#[from] StateFileError),
    /// Another gpupci or hook holds the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Only root may do this.
    #[error("only root may {0}")]
    NotRoot(&'static str),
    /// This host has no such guest.
    #[error("this host has no guest {0}")]
    NoGuest(String),
    /// The arguments of a command are wrong.
    #[error("{0}")]
    Usage(String),
}

impl From<NamingError> for Error {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::StateFile(error) => Self::StateFile(error),
            NamingError::Lock(error) => Self::Lock(error),
            NamingError::Sysfs(error) => Self::Sysfs(error),
        }
    }
}

impl From<DatabaseChoiceError> for Error {
    fn from(error: DatabaseChoiceError) -> Self {
        match error {
            DatabaseChoiceError::Named(error) => Self::Url(error),
            DatabaseChoiceError::Settings(error) => Self::Settings(error),
        }
    }
}

impl From<LookupError<DatabaseError>> for Error {
    fn from(error: LookupError<DatabaseError>) -> Self {
        match error {
            LookupError::Host(error) => error.into(),
            LookupError::Source(error) => error.into(),
        }
    }
}

impl Failure for Error {
    fn codes(&self) -> Vec<Code> {
        match self {
            Self::Value { .. } => vec![Code::AttributeValue],
            Self::NotRoot(_) => vec![Code::NotRoot],
            Self::NoGuest(_) => vec![Code::UnknownGuest],
            Self::Usage(_) => vec![Code::Usage],
            other => other.part().map_or_else(Vec::new, Failure::codes),
        }
    }

    fn state(&self) -> Option<String> {
        match self {
            Self::Value { .. } | Self::NotRoot(_) => Some(UNCHANGED.to_owned()),
            Self::NoGuest(_) | Self::Usage(_) => None,
            other => other.part().and_then(Failure::state),
        }
    }

    fn remedies(&self) -> Vec<String> {
        match self {
            Self::NotRoot(_) => vec![remedy::ROOT.to_owned()],
            Self::NoGuest(_) => vec!["`virsh list --all` lists the guests of this host".to_owned()],
            Self::Value { .. } | Self::Usage(_) => Vec::new(),
            other => other.part().map_or_else(Vec::new, Failure::remedies),
        }
    }
}

impl Error {
    /// The failure that this one passes on as it is.
    fn part(&self) -> Option<&dyn Failure> {
        match self {
            Self::Host(error) => Some(error),
            Self::Name(error) => Some(error),
            Self::Guest(error) => Some(error),
            Self::Database(error) => Some(error),
            Self::Xml(error) => Some(error),
            Self::Settings(error) => Some(error),
            Self::Url(error) => Some(error),
            Self::Sysfs(error) => Some(error),
            Self::StateFile(error) => Some(error),
            Self::Lock(error) => Some(error),
            Self::Value { .. } | Self::NotRoot(_) | Self::NoGuest(_) | Self::Usage(_) => None,
        }
    }
}
