//! Why the hook was not installed or taken away, and how things stand.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::failure::{Code, Failure, UNCHANGED, remedy};

/// The hook was not installed, or not taken away.
#[derive(Debug)]
pub struct HookError {
    /// What was wanted: `install`, `uninstall`.
    pub verb: &'static str,
    /// Why it was not done.
    pub fault: HookFault,
}

/// Why it was not done.
#[derive(Debug)]
pub enum HookFault {
    /// There is no libvirt here.
    NoLibvirt,
    /// Something is in the way that is not ours.
    InTheWay(Vec<Obstacle>),
    /// The hook's program is nowhere.
    NoProgram(Vec<PathBuf>),
    /// What should be the hook's program is not.
    Program {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something cannot be looked at.
    Read {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something cannot be written; what was there before is there again.
    Write {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something could not be written, nor could all be undone.
    HalfWay {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What is not as it was.
        left: Vec<String>,
    },
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What: a sentence.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl HookError {
    /// The hook was not changed: what was wanted, and why it was not done.
    pub fn new(verb: &'static str, fault: HookFault) -> Self {
        Self { verb, fault }
    }
}

impl Failure for HookError {
    fn codes(&self) -> Vec<Code> {
        vec![match &self.fault {
            HookFault::NoLibvirt => Code::NoLibvirt,
            HookFault::InTheWay(_) => Code::HookObstacle,
            HookFault::NoProgram(_) | HookFault::Program { .. } => Code::HookProgram,
            HookFault::Read { .. } => Code::HookNotRead,
            HookFault::Write { .. } => Code::HookNotWritten,
            HookFault::HalfWay { .. } => Code::HookHalfWay,
        }]
    }

    fn causes(&self) -> Vec<String> {
        match &self.fault {
            HookFault::NoLibvirt => {
                vec!["libvirt is not on this host: there is no /etc/libvirt".to_owned()]
            }
            HookFault::InTheWay(obstacles) => obstacles.iter().map(|o| o.text.clone()).collect(),
            HookFault::NoProgram(paths) => {
                let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
                vec![format!(
                    "the program of the hook is not there: looked for {}",
                    paths.join(" and ")
                )]
            }
            HookFault::Program { path, why } => {
                vec![format!(
                    "{} cannot be installed as the hook: {why}",
                    path.display()
                )]
            }
            HookFault::Read { path, source } => {
                vec![
                    format!("cannot look at {}", path.display()),
                    source.to_string(),
                ]
            }
            HookFault::Write { path, source } | HookFault::HalfWay { path, source, .. } => {
                vec![
                    format!("cannot write {}", path.display()),
                    source.to_string(),
                ]
            }
        }
    }

    fn state(&self) -> Option<String> {
        Some(match &self.fault {
            HookFault::Write { .. } => "all is as it was".to_owned(),
            HookFault::HalfWay { left, .. } => left.join("; "),
            _ => UNCHANGED.to_owned(),
        })
    }

    fn remedies(&self) -> Vec<String> {
        match &self.fault {
            HookFault::NoLibvirt => vec![
                "install libvirt and QEMU; `gpupci check` says how; then `gpupci hook install`"
                    .to_owned(),
            ],
            HookFault::InTheWay(obstacles) => obstacles.iter().map(|o| o.remedy.clone()).collect(),
            HookFault::NoProgram(_) | HookFault::Program { .. } => {
                vec!["name the program: gpupci hook install --from FILE".to_owned()]
            }
            HookFault::Read { .. } => vec!["see that root may read there".to_owned()],
            HookFault::Write { .. } => vec![remedy::WRITABLE.to_owned()],
            HookFault::HalfWay { .. } => {
                vec!["see that root may write there, then do the same again".to_owned()]
            }
        }
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} the libvirt hook", self.verb)
    }
}

impl std::error::Error for HookError {}
