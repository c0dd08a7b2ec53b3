//! `/usr/bin/gpupci`, which the hook runs: whether it can, what goes wrong if it cannot, and what to do.

use std::path::{Path, PathBuf};

use crate::paths::{GPUPCI, ROCKS_GPUPCI};

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

impl GpupciFacts {
    /// What is wrong, and what follows from it; `None` if all is well.
    pub fn problem(&self) -> Option<String> {
        let this = self.this.display();
        Some(match &self.state {
            GpupciState::Usable => return None,
            GpupciState::Differs => {
                format!("{GPUPCI}, which the hook runs, is another build than {this}")
            }
            GpupciState::Unread(why) => {
                format!("{GPUPCI}, which the hook runs, could not be checked ({why})")
            }
            GpupciState::Missing => self.useless(&format!("there is no {GPUPCI}")),
            GpupciState::NotExecutable => self.useless(&format!("{GPUPCI} is not executable")),
            GpupciState::Odd => self.useless(&format!("{GPUPCI} is not a file")),
        })
    }

    fn useless(&self, what: &str) -> String {
        match self.has_cluster {
            true => format!(
                "{what}, so the hook cannot check the cluster's attributes: a guest can start with \
                 a card of another guest"
            ),
            false => format!(
                "{what}, so a hook that AppArmor confines cannot see who uses a card, and the \
                 attributes of a cluster would not be checked"
            ),
        }
    }

    /// The command that corrects it.
    pub fn remedy(&self) -> String {
        let link = if self.is_taken { "ln -sf" } else { "ln -s" };
        match self.state {
            GpupciState::NotExecutable => format!("chmod 0755 {GPUPCI}"),
            GpupciState::Odd => format!("move {GPUPCI} away, then {}", self.install()),
            GpupciState::Unread(_) => format!("check that root can read {GPUPCI}"),
            // The one that is installed may be the newer one.
            GpupciState::Differs => {
                format!("run {GPUPCI} instead, or install one version for both")
            }
            GpupciState::Missing if self.is_in_rocks => format!("{link} {ROCKS_GPUPCI} {GPUPCI}"),
            _ => self.install(),
        }
    }

    fn install(&self) -> String {
        format!("install -m 0755 {} {GPUPCI}", word(&self.this))
    }
}

/// The path as one word of a shell.
fn word(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    match path.bytes().all(is_plain) {
        true => path.into_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn facts(state: GpupciState) -> GpupciFacts {
        GpupciFacts {
            state,
            is_taken: false,
            is_in_rocks: false,
            this: "/opt/gpupt/gpupci".into(),
            has_cluster: true,
        }
    }

    #[test]
    fn remedy_is_a_command_for_what_is_at_the_path() {
        let install = "install -m 0755 /opt/gpupt/gpupci /usr/bin/gpupci";
        for (state, remedy) in [
            (GpupciState::Missing, install),
            (
                GpupciState::Differs,
                "run /usr/bin/gpupci instead, or install one version for both",
            ),
            (GpupciState::NotExecutable, "chmod 0755 /usr/bin/gpupci"),
        ] {
            assert_eq!(facts(state).remedy(), remedy);
        }
        let rocks = GpupciFacts {
            is_in_rocks: true,
            ..facts(GpupciState::Missing)
        };
        assert_eq!(
            rocks.remedy(),
            "ln -s /opt/rocks/bin/gpupci /usr/bin/gpupci"
        );
        // A link to nothing is in the way of a new link.
        let taken = GpupciFacts {
            is_taken: true,
            ..rocks
        };
        assert_eq!(
            taken.remedy(),
            "ln -sf /opt/rocks/bin/gpupci /usr/bin/gpupci"
        );
        let odd = GpupciFacts {
            this: "/root/it's/gpupci".into(),
            ..facts(GpupciState::Missing)
        };
        let quoted = "install -m 0755 '/root/it'\\''s/gpupci' /usr/bin/gpupci";
        assert_eq!(odd.remedy(), quoted);
    }

    #[test]
    fn only_with_a_cluster_a_guest_can_get_another_guests_card() {
        let with = facts(GpupciState::Missing);
        let without = GpupciFacts {
            has_cluster: false,
            ..with.clone()
        };
        let says = |facts: &GpupciFacts| {
            facts
                .problem()
                .is_some_and(|text| text.contains("another guest"))
        };
        assert_eq!((says(&with), says(&without)), (true, false));
        assert_eq!(facts(GpupciState::Usable).problem(), None);
    }
}
