//! The URL of a database: `mysql://user:password@host:3306/cluster`,
//! `mysql://root@localhost/cluster?socket=/path` or `sqlite:/path`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use crate::escape::Excerpt;
use crate::failure::{Code, Failure};

const PORT: u16 = 3306;
/// What is escaped in a part of a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// What is escaped in a path.
const PATH: &AsciiSet = &PLAIN.remove(b'/');

/// A database. Neither `Display` nor `Debug` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// Rocks' MySQL or MariaDB.
    MySql(Box<Server>),
    /// An embedded SQLite file.
    Sqlite(PathBuf),
}

/// The address of a server, and the user.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port; not used with a socket.
    pub port: u16,
    /// The Unix socket to use instead of TCP.
    pub socket: Option<PathBuf>,
    /// The user.
    pub user: String,
    /// The password; `None` is none.
    pub password: Option<String>,
    /// The database.
    pub database: String,
}

/// Why a URL is invalid. Errors do not repeat the URL: it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It begins with neither `mysql://` nor `sqlite:`.
    #[error(
        "invalid database URL: expected mysql://user@host:3306/cluster, \
         mysql://user@localhost/cluster?socket=/path or sqlite:/path"
    )]
    Scheme,
    /// `sqlite:` without a path.
    #[error("invalid database URL: sqlite: must be followed by a file path")]
    Path,
    /// It cannot be parsed as a URL.
    #[error("invalid database URL: {0}")]
    Grammar(String),
    /// A part is missing.
    #[error("invalid database URL: no {0} given")]
    Missing(&'static str),
    /// A parameter that is not `socket`.
    #[error("invalid database URL: parameter {}; only socket=/path is supported", Excerpt(.0))]
    Parameter(String),
}

impl Failure for UrlError {
    fn codes(&self) -> Vec<Code> {
        vec![Code::DatabaseUrl]
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path
                .strip_prefix("//")
                .filter(|p| p.starts_with('/'))
                .unwrap_or(path);
            let is_path = !path.is_empty() && !path.contains('\0');
            return is_path
                .then(|| Self::Sqlite(path.into()))
                .ok_or(UrlError::Path);
        }
        if !text.starts_with("mysql://") {
            return Err(UrlError::Scheme);
        }
        let url = ::url::Url::parse(text).map_err(|error| UrlError::Grammar(error.to_string()))?;
        server(&url).map(|server| Self::MySql(Box::new(server)))
    }
}

fn server(url: &::url::Url) -> Result<Server, UrlError> {
    let mut socket = None;
    for (name, value) in url.query_pairs() {
        if name != "socket" || value.is_empty() {
            return Err(UrlError::Parameter(name.into_owned()));
        }
        socket = Some(PathBuf::from(value.into_owned()));
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = decoded(host.ok_or(UrlError::Missing("host"))?)?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    if database.is_empty() {
        return Err(UrlError::Missing("database"));
    }
    if url.username().is_empty() {
        return Err(UrlError::Missing("user"));
    }
    Ok(Server {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(PORT),
        socket,
        user: decoded(url.username())?,
        password: url.password().map(decoded).transpose()?,
        database,
    })
}

fn decoded(part: &str) -> Result<String, UrlError> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(UrlError::Grammar("it is not UTF-8".to_owned())),
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = match self {
            Self::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Self::MySql(server) => server,
        };
        let part = |text| utf8_percent_encode(text, PLAIN);
        write!(f, "mysql://{}@", part(&server.user))?;
        if server.host.contains(':') {
            write!(f, "[{}]", server.host)?;
        } else {
            write!(f, "{}", part(&server.host))?;
        }
        match &server.socket {
            None => write!(f, ":{}/{}", server.port, part(&server.database)),
            Some(socket) => {
                let socket = socket.to_string_lossy();
                let socket = utf8_percent_encode(&socket, PATH);
                write!(f, "/{}?socket={socket}", part(&server.database))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DatabaseUrl::MySql(Box::new(self.clone())).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        match text.parse::<DatabaseUrl>() {
            Ok(url) => url.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn all_three_url_forms_are_parsed() {
        assert_eq!(
            "mysql://us%40er:p%2Fw%3A@fe:40000/cluster".parse(),
            Ok(DatabaseUrl::MySql(Box::new(Server {
                host: "fe".to_owned(),
                port: 40000,
                socket: None,
                user: "us@er".to_owned(),
                password: Some("p/w:".to_owned()),
                database: "cluster".to_owned(),
            })))
        );
        assert_eq!(
            shown("mysql://root@localhost/cluster"),
            "mysql://root@localhost:3306/cluster"
        );
        assert_eq!(shown("mysql://root@[::1]:4/c"), "mysql://root@[::1]:4/c");
        assert_eq!(
            shown("mysql://root@localhost/cluster?socket=/a b/sock"),
            "mysql://root@localhost/cluster?socket=/a%20b/sock"
        );
        assert_eq!(shown("sqlite:/var/lib/x.db"), "sqlite:/var/lib/x.db");
        assert_eq!(shown("sqlite:///var/lib/x.db"), "sqlite:/var/lib/x.db");
    }

    #[test]
    fn errors_and_debug_output_do_not_contain_the_password() {
        let url = "mysql://root:s3cret@fe/cluster".parse::<DatabaseUrl>();
        assert!(!format!("{url:?}").contains("s3cret"));
        for wrong in [
            "mysql://root:s3cret@/c",
            "mysql://root:s3cret@fe:99999/c",
            "mysq://root:s3cret@fe/c",
        ] {
            assert!(!shown(wrong).contains("s3cret"), "{}", shown(wrong));
        }
    }

    #[test]
    fn error_names_the_missing_part_of_a_url() {
        for (text, error) in [
            (
                "mysql://fe/cluster",
                "error: invalid database URL: no user given",
            ),
            (
                "mysql://root@fe",
                "error: invalid database URL: no database given",
            ),
            (
                "mysql://root@fe/c?ssl=1",
                "error: invalid database URL: parameter \"ssl\"; only socket=/path is supported",
            ),
            (
                "sqlite:",
                "error: invalid database URL: sqlite: must be followed by a file path",
            ),
        ] {
            assert_eq!(shown(text), error);
        }
        assert!(
            shown("postgres://x").starts_with("error: invalid database URL: expected mysql://")
        );
    }

    proptest! {
        #[test]
        fn printed_url_parses_to_the_same_url(
            user in "[^\0]{1,12}", host in "[a-z][a-z0-9-]{0,10}", port in any::<u16>(),
            database in "[a-z %é?#]{1,8}", socket in prop::option::of("/[^\0]{0,12}"),
        ) {
            let url = DatabaseUrl::MySql(Box::new(Server {
                port: if socket.is_some() { PORT } else { port },
                socket: socket.map(PathBuf::from),
                user, host, password: None, database,
            }));
            prop_assert_eq!(url.to_string().parse(), Ok(url));
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in "(mysql://|sqlite:)?\\PC*") {
            let _ = text.parse::<DatabaseUrl>();
        }
    }
}
