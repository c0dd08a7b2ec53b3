//! `/usr/bin/gpupci`, which the hook runs: whether it can, what goes wrong if it cannot, and what to do.

use std::path::PathBuf;

/// What is at the path of `gpupci`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpupciState {
    /// A program.
    Usable,
    /// Another build than the `gpupci` that looks.
    Differs,
    /// Nothing, or a link to nothing.
    Missing,
    /// A file without an execute bit.
    NotExecutable,
    /// Not a file.
    Odd,
    /// It could not be read, and why.
    Unread(String),
}

/// What is known of the `gpupci` that the hook runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpupciFacts {
    /// What is at its path.
    pub state: GpupciState,
    /// Whether a file or a link is there.
    pub is_taken: bool,
    /// Whether Rocks' folder has a `gpupci`.
    pub is_in_rocks: bool,
    /// The `gpupci` that looks.
    pub this: PathBuf,
    /// Whether this host has a cluster's attributes, which the hook asks `gpupci` for.
    pub has_cluster: bool,
}

impl GpupciState {
    /// A word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::NotExecutable => "not-executable",
            Self::Odd => "no-file",
            Self::Unread(_) => "unread",
        }
    }

    /// Whether the hook cannot run it.
    pub fn is_useless(&self) -> bool {
        matches!(self, Self::Missing | Self::NotExecutable | Self::Odd)
    }
}
