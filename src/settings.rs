//! What an administrator chose: `/etc/gpupt.toml`, the environment, options.

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use crate::database::{DatabaseUrl, UrlError, rocks_database};
use crate::host::Machine;
use crate::pci::{IdError, VendorId};

const FILE: &str = "/etc/gpupt.toml";
const EMBEDDED: &str = "/var/lib/gpupt/cluster.db";

/// Why the configuration cannot be followed.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no TOML, or says what nobody asked.
    #[error("cannot understand {path}")]
    Grammar {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: toml::de::Error,
    },
    /// Its database is none.
    #[error("`database` in {path} is wrong")]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: UrlError,
    },
    /// One of its vendors is none.
    #[error("`vendors` in {path} is wrong")]
    Vendor {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: IdError,
    },
}

/// The settings that hold on a machine.
#[derive(Clone, Debug)]
pub struct Settings {
    database: Option<DatabaseUrl>,
    /// Whose cards are wanted; NVIDIA's unless something else is said.
    pub vendors: Vec<VendorId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    vendors: Option<Vec<String>>,
}

impl Settings {
    /// Reads the settings of `machine`; without a file there are none.
    ///
    /// # Errors
    /// When the file is there and cannot be followed.
    pub fn of(machine: &Machine) -> Result<Self, SettingsError> {
        let path = || machine.path(FILE);
        let text = machine.read(FILE).map_err(|source| SettingsError::Read {
            path: path(),
            source,
        })?;
        let file: File =
            toml::from_str(&text.unwrap_or_default()).map_err(|source| SettingsError::Grammar {
                path: path(),
                source,
            })?;
        let database = file.database.map(|url| url.parse()).transpose();
        let database = database.map_err(|source| SettingsError::Database {
            path: path(),
            source,
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
        Ok(Self {
            database: database.map(|url| below_root(machine, url)),
            vendors: vendors.unwrap_or_else(|| vec![VendorId::NVIDIA]),
        })
    }

    /// The database to use: the one that was `named`, on the command line or in the environment,
    /// else the file's, else that of the Rocks cluster, else the embedded one.
    ///
    /// # Errors
    /// When the named one is none.
    pub fn database(
        &self,
        named: Option<&str>,
        machine: &Machine,
    ) -> Result<DatabaseUrl, UrlError> {
        if let Some(url) = named {
            return url.parse();
        }
        let configured = self.database.clone().or_else(|| rocks_database(machine));
        Ok(configured.unwrap_or_else(|| DatabaseUrl::Sqlite(machine.path(EMBEDDED))))
    }
}

/// A path that stands in a file of a machine is a path of that machine.
fn below_root(machine: &Machine, url: DatabaseUrl) -> DatabaseUrl {
    match url {
        DatabaseUrl::Sqlite(path) => DatabaseUrl::Sqlite(machine.path(path)),
        DatabaseUrl::MySql(mut server) => {
            server.socket = server.socket.map(|path| machine.path(path));
            DatabaseUrl::MySql(server)
        }
    }
}
