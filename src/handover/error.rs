//! Why a card was not handed over, and how it stands now.

use std::fmt;

use crate::binding::Refusal;
use crate::exit::Exit;
use crate::gpu::CardName;
use crate::host::{KeptError, LockError, SysfsError};
use crate::naming::NamingError;
use crate::pci::PciSlot;

/// A card that was not handed over.
#[derive(Debug)]
pub struct CardError {
    /// What was wanted: `detach`, `attach`.
    pub verb: &'static str,
    /// Its name.
    pub name: CardName,
    /// Where it sits.
    pub slot: PciSlot,
    /// Why.
    pub fault: Fault,
}

/// Why a card was not handed over.
#[derive(Debug)]
pub enum Fault {
    /// There were reasons before the first write.
    Refused(Vec<Refusal>),
    /// sysfs cannot be read.
    Sysfs(SysfsError),
    /// What has to be kept of it cannot be kept or read.
    Kept(KeptError),
    /// Somebody else is at work.
    Lock(LockError),
    /// A step failed.
    Stopped {
        /// Which, and why.
        cause: String,
        /// How things stand now.
        state: String,
        /// What to do.
        remedy: String,
        /// Undone, stuck, or neither.
        exit: Exit,
    },
}

impl CardError {
    /// With which code a program ends.
    pub fn exit(&self) -> Exit {
        match &self.fault {
            Fault::Refused(refusals) => {
                let worst = refusals.iter().map(Refusal::exit).max();
                worst.unwrap_or(Exit::Failed)
            }
            Fault::Sysfs(_) => Exit::Unable,
            Fault::Kept(_) => Exit::Failed,
            Fault::Lock(_) => Exit::Busy,
            Fault::Stopped { exit, .. } => *exit,
        }
    }

    /// Why it failed: a sentence each.
    pub fn causes(&self) -> Vec<String> {
        match &self.fault {
            Fault::Refused(refusals) => refusals.iter().map(Refusal::to_string).collect(),
            Fault::Sysfs(error) => chain(error),
            Fault::Kept(error) => chain(error),
            Fault::Lock(error) => chain(error),
            Fault::Stopped { cause, .. } => vec![cause.clone()],
        }
    }

    /// How things stand now.
    pub fn state(&self) -> &str {
        match &self.fault {
            Fault::Stopped { state, .. } => state,
            _ => "nothing was changed",
        }
    }

    /// What to do: a sentence each.
    pub fn remedies(&self) -> Vec<String> {
        match &self.fault {
            Fault::Refused(refusals) => {
                let mut remedies: Vec<String> = refusals.iter().map(Refusal::remedy).collect();
                remedies.dedup();
                remedies
            }
            Fault::Sysfs(_) => {
                vec!["see that /sys is mounted and that this is a PCI host".to_owned()]
            }
            Fault::Kept(KeptError::Record { path, .. } | KeptError::Read { path, .. }) => {
                vec![format!(
                    "look at {}, move it away, then try again",
                    path.display()
                )]
            }
            Fault::Kept(KeptError::Names { .. } | KeptError::ReadNames { .. }) => {
                vec!["look at the file; `gpupci renumber` writes it anew".to_owned()]
            }
            Fault::Kept(_) => {
                vec!["see that there is room, and that root may write there".to_owned()]
            }
            Fault::Lock(_) => vec!["try again when it has ended".to_owned()],
            Fault::Stopped { remedy, .. } => vec![remedy.clone()],
        }
    }
}

fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    causes
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {} ({})", self.verb, self.name, self.slot)
    }
}

impl std::error::Error for CardError {}

impl From<SysfsError> for Fault {
    fn from(error: SysfsError) -> Self {
        Self::Sysfs(error)
    }
}

impl From<NamingError> for Fault {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::Kept(error) => Self::Kept(error),
            NamingError::Lock(error) => Self::Lock(error),
            NamingError::Sysfs(error) => Self::Sysfs(error),
        }
    }
}

impl From<KeptError> for Fault {
    fn from(error: KeptError) -> Self {
        Self::Kept(error)
    }
}
