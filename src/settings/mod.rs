//! The settings in `/etc/gpupt.toml`.

mod database;
mod grammar;
mod vendors;

pub use database::{DatabaseChoiceError, database_of};
pub use grammar::grammar_of;

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use crate::binding::Stub;
use crate::database::UrlError;
use crate::failure::{Code, Failure};
use crate::host::Machine;
use crate::paths::{EMBEDDED_DATABASE, ROCKS, SETTINGS};
use crate::pci::{DriverNameError, IdError, VendorId};

/// The value of `stub` that chooses the VFIO driver of each function.
const AUTO: &str = "auto";

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// It is not valid TOML, or has an unknown key.
    #[error("cannot parse {path}")]
    Grammar {
        /// The file.
        path: PathBuf,
        /// The error.
        source: GrammarError,
    },
    /// Its database URL is invalid.
    #[error("invalid `database` in {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The error.
        source: UrlError,
    },
    /// One of its vendors is invalid.
    #[error("invalid `vendors` in {path}")]
    Vendor {
        /// The file.
        path: PathBuf,
        /// The error.
        source: IdError,
    },
    /// Its stub driver is not a driver name.
    #[error("invalid `stub` in {path}")]
    Stub {
        /// The file.
        path: PathBuf,
        /// The error.
        source: DriverNameError,
    },
}

impl Failure for SettingsError {
    fn codes(&self) -> Vec<Code> {
        vec![Code::Settings]
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is wrong in the file, and in which line. The line is not quoted: it may hold a password.
#[derive(Debug, Error)]
#[error("line {line}: {reason}")]
pub struct GrammarError {
    line: usize,
    reason: String,
}

impl GrammarError {
    fn new(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let reason = match error.message() {
            message if message.contains("://") => "unexpected value",
            message => message,
        };
        Self {
            line: 1 + before.matches('\n').count(),
            reason: reason.replace('\n', ": "),
        }
    }
}

/// The settings of a host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Their file, which need not exist.
    pub path: PathBuf,
    /// The URL of the cluster's database, not parsed: a hook that needs no database must not fail on it.
    pub database: Option<String>,
    /// The vendors whose cards count: they are listed and have names. NVIDIA by default.
    pub vendors: Vec<VendorId>,
    /// The stub driver.
    pub stub: Stub,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    #[serde(default, deserialize_with = "vendors::words")]
    vendors: Option<Vec<String>>,
    stub: Option<String>,
}

impl Settings {
    /// Reads the settings of `machine`; the defaults if there is no file.
    ///
    /// # Errors
    /// If the file exists and cannot be used.
    pub fn of(machine: &Machine) -> Result<Self, SettingsError> {
        let path = || machine.path(SETTINGS);
        let text = machine
            .read(SETTINGS)
            .map_err(|source| SettingsError::Read {
                path: path(),
                source,
            })?;
        let text = text.unwrap_or_default();
        let file: File = toml::from_str(&text).map_err(|error| SettingsError::Grammar {
            path: path(),
            source: GrammarError::new(&text, &error),
        })?;
        let vendors = file
            .vendors
            .map(|ids| ids.iter().map(|id| id.parse()).collect());
        let vendors: Option<Vec<VendorId>> =
            vendors
                .transpose()
                .map_err(|source| SettingsError::Vendor {
                    path: path(),
                    source,
                })?;
        let stub = file.stub.map(|word| match word.as_str() {
            AUTO => Ok(Stub::Auto),
            name => name.parse().map(Stub::Named),
        });
        let stub = stub.transpose();
        let stub = stub.map_err(|source| SettingsError::Stub {
            path: path(),
            source,
        })?;
        Ok(Self {
            path: path(),
            database: file.database,
            vendors: vendors.unwrap_or_else(|| vec![VendorId::NVIDIA]),
            stub: stub.unwrap_or_default(),
        })
    }

    /// Whether this host has a cluster's attributes, as far as files show.
    pub fn has_cluster(&self, machine: &Machine) -> bool {
        self.database.is_some() || machine.exists(ROCKS) || machine.exists(EMBEDDED_DATABASE)
    }
}
