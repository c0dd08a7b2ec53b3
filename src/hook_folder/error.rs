//! Why the hook was not installed or removed, and the state of its folder.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::failure::{Code, Failure, SystemError, UNCHANGED, remedy};

/// The hook was not installed, or not removed.
#[derive(Debug)]
pub struct HookError {
    /// The command: `install`, `uninstall`.
    pub verb: &'static str,
    /// Why it failed.
    pub fault: HookFault,
}

/// Why it failed.
#[derive(Debug)]
pub enum HookFault {
    /// libvirt is not installed.
    NoLibvirt,
    /// Files that are not ours prevent it.
    Obstructed(Vec<Obstacle>),
    /// The hook's program does not exist at any of these paths.
    NoProgram(Vec<PathBuf>),
    /// The file is not the hook's program.
    Program {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file or folder cannot be read.
    Read {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file cannot be written; all changes were undone.
    Write {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file cannot be written, and not all changes could be undone.
    HalfWay {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
        /// What could not be undone.
        left: Vec<String>,
    },
}

/// A file or folder that prevents the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is, as a sentence.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl HookError {
    /// The error of a command that failed with `fault`.
    pub fn new(verb: &'static str, fault: HookFault) -> Self {
        Self { verb, fault }
    }
}

impl Failure for HookError {
    fn codes(&self) -> Vec<Code> {
        vec![match &self.fault {
            HookFault::NoLibvirt => Code::NoLibvirt,
            HookFault::Obstructed(_) => Code::HookObstacle,
            HookFault::NoProgram(_) | HookFault::Program { .. } => Code::HookProgram,
            HookFault::Read { .. } => Code::HookNotRead,
            HookFault::Write { .. } => Code::HookNotWritten,
            HookFault::HalfWay { .. } => Code::HookNotUndone,
        }]
    }

    fn causes(&self) -> Vec<String> {
        match &self.fault {
            HookFault::NoLibvirt => {
                vec!["libvirt is not installed: /etc/libvirt does not exist".to_owned()]
            }
            HookFault::Obstructed(obstacles) => obstacles.iter().map(|o| o.text.clone()).collect(),
            HookFault::NoProgram(paths) => {
                let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
                vec![format!(
                    "the hook program was not found: looked for {}",
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
                    format!("cannot read {}", path.display()),
                    SystemError(source).to_string(),
                ]
            }
            HookFault::Write { path, source } | HookFault::HalfWay { path, source, .. } => {
                vec![
                    format!("cannot write {}", path.display()),
                    SystemError(source).to_string(),
                ]
            }
        }
    }

    fn state(&self) -> Option<String> {
        Some(match &self.fault {
            HookFault::Write { .. } => "all changes were undone".to_owned(),
            HookFault::HalfWay { left, .. } => left.join("; "),
            _ => UNCHANGED.to_owned(),
        })
    }

    fn remedies(&self) -> Vec<String> {
        match &self.fault {
            HookFault::NoLibvirt => vec![
                "install libvirt and QEMU (`gpupci check` shows the command), then run `gpupci hook install`"
                    .to_owned(),
            ],
            HookFault::Obstructed(obstacles) => {
                obstacles.iter().map(|o| o.remedy.clone()).collect()
            }
            HookFault::NoProgram(_) | HookFault::Program { .. } => {
                vec!["name the hook program: gpupci hook install --from FILE".to_owned()]
            }
            HookFault::Read { .. } => vec!["check that root may read it".to_owned()],
            HookFault::Write { .. } => vec![remedy::WRITABLE.to_owned()],
            HookFault::HalfWay { .. } => {
                vec!["check that root may write there, then run the command again".to_owned()]
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
