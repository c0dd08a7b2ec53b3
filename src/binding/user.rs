//! Who uses a card, and what could not be found out about that.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::escape::printable;
use crate::listing::thousands;

/// A process that uses a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its process id.
    pub pid: u32,
    /// Its command name.
    pub command: String,
    /// The guest, if the process is a QEMU.
    pub guest: Option<String>,
    /// The device node that it has open or mapped: `/dev/dri/card1`.
    pub node: String,
}

/// Why some processes could not be checked. They may use the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unseen {
    /// A process or a device could not be read.
    Unreadable {
        /// The first one, and why.
        why: String,
        /// How many others there are.
        others: usize,
    },
    /// The check of a process hangs.
    Hangs {
        /// Its process id.
        pid: u32,
        /// Its command name.
        command: String,
    },
    /// The check did not end in time.
    Late(Duration),
    /// A user who may open the card's nodes has more files open than are checked.
    TooManyFiles {
        /// The user.
        uid: u32,
        /// How many processes were not read to their end.
        processes: usize,
        /// How many descriptors were read.
        descriptors: usize,
    },
}

impl Unseen {
    /// One thing that could not be read, and why.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::Unreadable {
            why: why.into(),
            others: 0,
        }
    }

    /// What to do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } => "run this as root, outside of any container".to_owned(),
            Self::Hangs { pid, .. } => {
                format!(
                    "end this process (kill -9 {pid}), or reboot this host if that has no effect"
                )
            }
            Self::Late(_) => "find the process that hangs (`ps -eo pid,stat,comm`, state D), or \
                              try again when the host is less busy"
                .to_owned(),
            Self::TooManyFiles { uid, .. } => format!(
                "end the processes of this user (`loginctl terminate-user {uid}`), and lower the \
                 limit of open files (nofile in /etc/security/limits.conf)"
            ),
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { why, others } => {
                write!(f, "{}", printable(why.as_bytes()))?;
                match others {
                    0 => Ok(()),
                    others => write!(f, ", and {} more", thousands(*others)),
                }
            }
            Self::Hangs { pid, command } => {
                let command = printable(command.as_bytes());
                write!(f, "the check of {command} (pid {pid}) hangs")
            }
            Self::Late(deadline) => write!(
                f,
                "the check of all processes took longer than {} s",
                deadline.as_secs_f32()
            ),
            Self::TooManyFiles {
                uid,
                processes,
                descriptors,
            } => write!(
                f,
                "user {uid} has more open files than gpupt checks (processes not read to the end: \
                 {}, descriptors read: {})",
                thousands(*processes),
                thousands(*descriptors)
            ),
        }
    }
}
