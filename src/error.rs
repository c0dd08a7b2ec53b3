//! Every way to fail, with what a program makes of it: the exit code, how things stand, what to do.

use thiserror::Error;

use crate::database::{DatabaseError, DatabaseUrl, UrlError};
use crate::domain_xml::XmlError;
use crate::exit::Exit;
use crate::host::{KeptError, LockError, SysfsError};
use crate::naming::NamingError;
use crate::rocks::{ChangeError, GuestError, HostError, LookupError, NameError, ValueError};
use crate::settings::{DatabaseChoiceError, SettingsError};

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// A word names no host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A name cannot be an attribute's.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A value cannot be stored.
    #[error("this cannot be {attribute} of {host}")]
    Value {
        /// Whose attribute.
        host: String,
        /// Its name.
        attribute: String,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// It cannot be said which cards a guest has.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The database failed, or refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The domain XML is refused.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The configuration is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The URL of a database is wrong.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// sysfs cannot be read.
    #[error(transparent)]
    Sysfs(#[from] SysfsError),
    /// What is kept of cards cannot be read or written.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Somebody else is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What was asked for takes root.
    #[error("only root may {0}")]
    NotRoot(&'static str),
    /// There is no such guest here.
    #[error("{0} is no guest of this host")]
    NoGuest(String),
    /// The words of a command make no sense together.
    #[error("{0}")]
    Usage(String),
}

impl From<NamingError> for Error {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::Kept(error) => Self::Kept(error),
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

impl Error {
    /// What failed, why, how things stand now, what to do: a line each.
    pub fn lines(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            text += &format!(
                "\n  cause: {}",
                said.trim_end().replace('\n', "\n         ")
            );
            cause = error.source();
        }
        let state = self.state().map(|state| format!("\n  state: {state}"));
        let remedy = self.remedy().map(|remedy| format!("\n  try:   {remedy}"));
        text.extend([state, remedy].into_iter().flatten());
        text
    }

    /// With which code a program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Host(HostError::Unknown(_) | HostError::NotInCluster(_)) => Exit::NotFound,
            Self::Host(HostError::Empty | HostError::Unusable { .. }) => Exit::Usage,
            Self::Guest(GuestError::NoSuchCard { .. } | GuestError::Homeless { .. }) => {
                Exit::NotFound
            }
            Self::Database(DatabaseError::Login { .. } | DatabaseError::NotPermitted { .. }) => {
                Exit::NotPermitted
            }
            Self::Database(DatabaseError::Unclear { .. }) => Exit::HalfWay,
            Self::Database(DatabaseError::Select { .. }) => Exit::Usage,
            Self::Name(_) | Self::Value { .. } | Self::Url(_) | Self::Usage(_) => Exit::Usage,
            Self::Sysfs(_) => Exit::Unable,
            Self::Kept(_) => Exit::Failed,
            Self::Lock(LockError::Held { .. }) => Exit::Busy,
            Self::Lock(LockError::Open { source, .. }) => match source.kind() {
                std::io::ErrorKind::PermissionDenied => Exit::NotPermitted,
                _ => Exit::Failed,
            },
            Self::NotRoot(_) => Exit::NotPermitted,
            Self::NoGuest(_) => Exit::NotFound,
            Self::Guest(_) | Self::Database(_) | Self::Xml(_) | Self::Settings(_) => Exit::Failed,
        }
    }

    /// How things stand now, where that is not plain.
    pub fn state(&self) -> Option<&'static str> {
        match self {
            Self::Database(DatabaseError::Unclear { .. }) => {
                Some("the change was sent; it is made as a whole or not at all")
            }
            Self::Database(DatabaseError::Change(ChangeError::Exists(_))) => None,
            Self::Database(_)
            | Self::Guest(_)
            | Self::Value { .. }
            | Self::Xml(_)
            | Self::Kept(_)
            | Self::Lock(_)
            | Self::NotRoot(_) => Some("nothing was changed"),
            _ => None,
        }
    }

    /// What to do about it, where something can be said.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Database(error) => database_remedy(error),
            Self::Host(HostError::Unknown(_) | HostError::NotInCluster(_)) => None,
            Self::Guest(GuestError::Value { .. } | GuestError::HostValue { .. }) => {
                Some("set the attribute anew with `gpupci host set`, then try again")
            }
            Self::Guest(GuestError::NoSuchCard { .. }) => {
                Some("compare `gpupci host list` with `gpupci list` on that host")
            }
            Self::Guest(GuestError::Homeless { .. }) => {
                Some("name the card by its address, or give the guest a host")
            }
            Self::Kept(KeptError::Names { .. } | KeptError::ReadNames { .. }) => {
                Some("look at the file; `gpupci renumber` writes it anew")
            }
            Self::Kept(KeptError::Record { .. } | KeptError::Read { .. }) => {
                Some("look at the file, then move it away")
            }
            Self::Kept(_) => Some("see that there is room, and that root may write there"),
            Self::Lock(LockError::Held { .. }) => Some("try again when it has ended"),
            Self::Lock(LockError::Open { source, .. })
                if source.kind() != std::io::ErrorKind::PermissionDenied =>
            {
                Some("see that there is room, and that root may write there")
            }
            Self::Lock(LockError::Open { .. }) | Self::NotRoot(_) => Some("run this as root"),
            Self::NoGuest(_) => Some("`virsh list --all` shows those there are"),
            Self::Sysfs(_) => Some("see that /sys is mounted and that this is a PCI host"),
            _ => None,
        }
    }
}

fn database_remedy(error: &DatabaseError) -> Option<&'static str> {
    Some(match error {
        DatabaseError::Connect { .. } => {
            "see that the server runs and that the address is right (--database, GPUPT_DATABASE)"
        }
        DatabaseError::Login { .. } => {
            "check user and password; Rocks keeps root's in /root/.rocks.my.cnf"
        }
        DatabaseError::NotPermitted {
            database: DatabaseUrl::Sqlite(_),
            ..
        } => "run this as root, and see that the path leads to a file that can be opened",
        DatabaseError::NotPermitted { .. } => {
            "run this as root, on a Rocks cluster on its frontend"
        }
        DatabaseError::Late { .. } => "see what the server does, then try again",
        DatabaseError::Unclear { .. } => "look with `gpupci host list` before you try again",
        DatabaseError::Managed { .. } => {
            "use `rocks add host`, `rocks add host vm` and `rocks set host vm`"
        }
        DatabaseError::Change(ChangeError::Exists(_)) => "use `set` to replace it",
        DatabaseError::Query { .. } | DatabaseError::Select { .. } => return None,
    })
}
