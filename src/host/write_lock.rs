//! The lock of the writes to one card. A writer holds it until its write has ended, even if the command that
//! started it was killed. So the next command sees the write, and never acts beside it.
//!
//! The command takes the lock before it starts the writer, which inherits it as its standard input: an
//! flock belongs to the open file, and is released when the last process that has the file open ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use crate::binding::{CardRecord, PendingWrite};
use crate::host::{LockError, Machine};
use crate::paths::WRITE_LOCKS;
use crate::pci::PciSlot;

/// How long the lock is tried at least: another command may hold it for a moment to look at it.
const LOOK: Duration = Duration::from_millis(100);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Whether a write to a card is under way.
#[derive(Debug)]
pub enum WriteState {
    /// No write has been started since boot.
    NeverStarted,
    /// No write is under way.
    Ended,
    /// A write is under way.
    UnderWay(PendingWrite),
    /// The lock cannot be seen: only root may open it, or opening it failed.
    Unknown(LockError),
}

impl Machine {
    /// Whether a write to the card in `slot` is under way now.
    pub fn write_state(&self, slot: PciSlot) -> WriteState {
        self.wait_for_write(slot, Duration::ZERO)
    }

    /// Waits until no write to the card in `slot` is under way, or until the write has taken longer than
    /// `deadline`. The clock of the host may step back, so nobody waits longer than `deadline` either.
    pub fn wait_for_write(&self, slot: PciSlot, deadline: Duration) -> WriteState {
        let path = lock_path(slot);
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(self.path(&path));
        let is_late = || self.pending_write(&path).is_older_than(deadline);
        match file.and_then(|file| lock_before(|| file.try_lock_shared(), deadline, is_late)) {
            Ok(true) => WriteState::Ended,
            Ok(false) => WriteState::UnderWay(self.pending_write(&path)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => WriteState::NeverStarted,
            Err(source) => WriteState::Unknown(LockError::Open {
                path: self.path(&path),
                source,
            }),
        }
    }

    /// The write to the card in `slot` that was late and has not ended yet. This is for commands that only read.
    pub fn overdue_write(&self, slot: PciSlot, record: &CardRecord) -> Option<PendingWrite> {
        let marked = record.marked_write()?;
        match self.write_state(slot) {
            WriteState::Ended => None,
            WriteState::UnderWay(pending) => Some(pending),
            WriteState::NeverStarted | WriteState::Unknown(_) => Some(marked),
        }
    }

    /// Takes the lock for one write to the card in `slot`. A command that only reads may hold it for a moment.
    ///
    /// # Errors
    /// If its file cannot be created, or another process holds it until `deadline` has passed.
    pub(super) fn lock_writes(
        &self,
        slot: PciSlot,
        write: &str,
        deadline: Duration,
    ) -> io::Result<File> {
        self.make_folder(WRITE_LOCKS)?;
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(self.path(lock_path(slot)))?;
        if !lock_before(|| file.try_lock(), deadline, || false)? {
            return Err(io::Error::other(format!(
                "another process held {} for {} s, so this write was not started",
                self.path(lock_path(slot)).display(),
                deadline.as_secs_f32()
            )));
        }
        // This is only for messages. The writer adds its process id.
        let _ = file.set_len(0);
        let _ = writeln!(&file, "{}\n{write}", self.now());
        Ok(file)
    }

    /// What the lock's file says about the write.
    fn pending_write(&self, path: &str) -> PendingWrite {
        let text = self.text(path).unwrap_or_default();
        let mut lines = text.lines();
        let since: Option<u64> = lines.next().and_then(|since| since.parse().ok());
        PendingWrite {
            age: since.map(|since| self.now().saturating_sub(since)),
            write: lines.next().unwrap_or("unknown").to_owned(),
            pid: lines.next().and_then(|pid| pid.parse().ok()),
        }
    }
}

/// Tries to lock a file for `LOOK`, and then until `deadline` has passed or `is_late`. False if another process
/// holds the lock.
fn lock_before(
    try_lock: impl Fn() -> Result<(), TryLockError>,
    deadline: Duration,
    is_late: impl Fn() -> bool,
) -> io::Result<bool> {
    let started = Instant::now();
    loop {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => (),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let waited = started.elapsed();
        if waited >= LOOK && (waited >= deadline || is_late()) {
            return Ok(false);
        }
        sleep(PAUSE);
    }
}

fn lock_path(slot: PciSlot) -> String {
    format!("{WRITE_LOCKS}/{slot}")
}
