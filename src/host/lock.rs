//! One at a time: whoever looks in order to change a card, and then changes it, holds this lock.

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
use crate::host::Machine;
use crate::paths::{LOCK, RUN};

/// Between two looks at the lock: short for who waits alone, and two hundred who wait do not keep the one
/// at work from its processor.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// The lock. It is open again when this goes, or when its process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Why the lock cannot be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Its file cannot be made or opened.
    #[error("cannot open {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else held it all the time.
    #[error("another gpupci or hook{} is running and did not finish within {seconds} s", holder(.pid))]
    Held {
        /// Who, where that is known.
        pid: Option<u32>,
        /// How long we waited.
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

fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

impl Machine {
    /// Takes the lock, waiting for it until `deadline` has passed.
    ///
    /// # Errors
    /// When it cannot be had.
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
                    // Only a help for who waits: who cannot write it has the lock all the same.
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
