//! The lock: a process holds it while it reads the state of a card and changes it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use thiserror::Error;

use crate::failure::{Code, Failure, UNCHANGED, remedy};
use crate::host::{Machine, is_forbidden};
use crate::paths::{LOCK, RUN};

/// Shortest and longest pause between two attempts: a single waiter gets the lock at once, and two
/// hundred waiters do not take the processor from its holder.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// The lock. It is released when this is dropped or its process ends.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Why the lock cannot be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Its file cannot be created or opened.
    #[error("cannot open {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process held it until the deadline.
    #[error("another gpupci or hook{} is running and did not finish within {seconds} s", holder(.pid))]
    Held {
        /// That process, if known.
        pid: Option<u32>,
        /// How long we waited, in seconds.
        seconds: f32,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

impl Failure for LockError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::Held { .. } => Code::Locked,
            Self::Open { source, .. } if is_forbidden(source) => Code::NotRoot,
            Self::Open { .. } => Code::LockFile,
        }]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        let remedy = match self {
            Self::Held { .. } => remedy::WAIT,
            Self::Open { source, .. } if is_forbidden(source) => remedy::ROOT,
            Self::Open { .. } => remedy::WRITABLE,
        };
        vec![remedy.to_owned()]
    }
}

impl Machine {
    /// Takes the lock; waits for it until `deadline` has passed.
    ///
    /// # Errors
    /// If it cannot be taken.
    pub fn lock(&self, deadline: Duration) -> Result<Lock, LockError> {
        let path = self.path(LOCK);
        let failed = |source| LockError::Open {
            path: path.clone(),
            source,
        };
        self.make_folder(RUN).map_err(failed)?;
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path);
        let mut file = file.map_err(failed)?;
        let until = Instant::now() + deadline;
        let mut pause = PAUSES.0;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut locked) => {
                    // The number is only for the message of a waiter.
                    let _ = locked.set_len(0);
                    let _ = writeln!(locked, "{}", std::process::id());
                    return Ok(Lock { _file: locked });
                }
                Err((back, Errno::EWOULDBLOCK | Errno::EINTR)) => file = back,
                Err((_, errno)) => return Err(failed(errno.into())),
            }
            if Instant::now() >= until {
                let text = self.text(LOCK).unwrap_or_default();
                return Err(LockError::Held {
                    pid: text.trim().parse().ok(),
                    seconds: deadline.as_secs_f32(),
                });
            }
            sleep(pause);
            pause = PAUSES.1.min(pause * 2);
        }
    }
}
