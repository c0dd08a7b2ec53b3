//! Chooses the database. For Rocks' own it finds server, user and password as Rocks' commands do.

use nix::unistd::{User, geteuid};

use thiserror::Error;

use crate::database::{DatabaseUrl, Server, UrlError};
use crate::host::Machine;
use crate::paths::{EMBEDDED_DATABASE, ROCKS, ROCKS_FRONTEND, ROCKS_LIBRARIES, ROCKS_SOCKET};
use crate::settings::{Settings, SettingsError};

/// The port that Rocks compiles into its MySQL.
const PORT: u16 = 40_000;
/// The users with a password, and its file. Others connect without a password and can only read.
const PASSWORDS: [(&str, &str); 2] = [
    ("root", "/root/.rocks.my.cnf"),
    ("apache", "/opt/rocks/mysql/my.cnf"),
];

/// Why no database can be chosen.
#[derive(Debug, Error)]
pub enum DatabaseChoiceError {
    /// The URL on the command line or in the environment is invalid.
    #[error(transparent)]
    Named(#[from] UrlError),
    /// The URL in the settings is invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The database to use on `machine`: the URL `named` on the command line or in the environment, else
/// that of the settings, else that of the Rocks cluster, else the embedded one.
///
/// # Errors
/// If the URL of the command line, the environment or the settings is invalid.
pub fn database_of(
    machine: &Machine,
    settings: &Settings,
    named: Option<&str>,
) -> Result<DatabaseUrl, DatabaseChoiceError> {
    if let Some(url) = named {
        return Ok(url.parse()?);
    }
    if let Some(url) = &settings.database {
        let url = url.parse().map_err(|source| SettingsError::Database {
            path: settings.path.clone(),
            source,
        })?;
        return Ok(below_root(machine, url));
    }
    let embedded = || DatabaseUrl::Sqlite(machine.path(EMBEDDED_DATABASE));
    Ok(rocks_database(machine).unwrap_or_else(embedded))
}

/// Puts the root of the machine before a path that comes from one of its files.
fn below_root(machine: &Machine, url: DatabaseUrl) -> DatabaseUrl {
    match url {
        DatabaseUrl::Sqlite(path) => DatabaseUrl::Sqlite(machine.path(path)),
        DatabaseUrl::MySql(mut server) => {
            server.socket = server.socket.map(|path| machine.path(path));
            DatabaseUrl::MySql(server)
        }
    }
}

/// The database of the Rocks cluster of `machine`; `None` if Rocks is not installed.
fn rocks_database(machine: &Machine) -> Option<DatabaseUrl> {
    if !machine.exists(ROCKS) {
        return None;
    }
    let user = User::from_uid(geteuid()).ok().flatten();
    let user = user.map_or_else(|| "nobody".to_owned(), |user| user.name);
    let socket = machine
        .exists(ROCKS_SOCKET)
        .then(|| machine.path(ROCKS_SOCKET));
    let host = match socket {
        Some(_) => "localhost".to_owned(),
        None => database_host(machine).unwrap_or_else(|| "localhost".to_owned()),
    };
    Some(DatabaseUrl::MySql(Box::new(Server {
        host,
        port: PORT,
        socket,
        password: password_of(machine, &user),
        user,
        database: "cluster".to_owned(),
    })))
}

/// `DatabaseHost`, which the installation of a node appends to Rocks' Python library; without it,
/// the address of the frontend, which survives an update of that library.
pub(super) fn database_host(machine: &Machine) -> Option<String> {
    let libraries = machine.children(ROCKS_LIBRARIES);
    let libraries = libraries.iter().filter(|name| name.starts_with("python"));
    let files =
        libraries.map(|name| format!("{ROCKS_LIBRARIES}/{name}/site-packages/rocks/__init__.py"));
    let assigned = files
        .filter_map(|file| assignment(&machine.text(&file)?))
        .next_back();
    assigned.or_else(|| {
        let address = machine.text(ROCKS_FRONTEND)?;
        let address = address.trim();
        (!address.is_empty()).then(|| address.to_owned())
    })
}

/// The last `DatabaseHost = "NAME"` of a Python file.
fn assignment(source: &str) -> Option<String> {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim() == "DatabaseHost" && !value.is_empty()).then(|| value.to_owned())
    };
    source.lines().filter_map(value).next_back()
}

fn password_of(machine: &Machine, user: &str) -> Option<String> {
    let (_, file) = PASSWORDS.iter().find(|(known, _)| *known == user)?;
    password(&machine.text(file)?)
}

/// The first line that assigns `password`: the text between its first and its second `=`.
fn password(file: &str) -> Option<String> {
    let value = |line: &str| {
        let mut parts = line.split('=');
        let is_password = parts.next()?.trim() == "password";
        is_password.then(|| parts.next().map(|value| value.trim().to_owned()))
    };
    file.lines().find_map(value).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn password_is_read_as_rocks_reads_it() {
        let file =
            "[mysqld]\nuser = rocksdb\n[client]\nport\t= 40000\npassword\t= s3/cr.t \npassword=x\n";
        assert_eq!(password(file), Some("s3/cr.t".to_owned()));
        assert_eq!(password("password=a=b\n"), Some("a".to_owned()));
        assert_eq!(password("#password = a\nold password = b\n"), None);
        assert_eq!(password("password\n"), None);
    }

    #[test]
    fn last_assignment_of_databasehost_counts() {
        let source = "import os\nDatabaseHost = \"one\"\nDatabaseHost = 'two'\nOther = \"x\"\n";
        assert_eq!(assignment(source), Some("two".to_owned()));
        assert_eq!(assignment("NotDatabaseHost = \"x\"\n"), None);
    }
}
