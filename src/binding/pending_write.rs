//! A write to the kernel that has not ended.

use std::fmt;
use std::time::Duration;

use crate::elapsed::ago;
use crate::escape::printable;

/// A write that has not ended. Its process holds the lock of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingWrite {
    /// What is written.
    pub write: String,
    /// The process that writes, if known.
    pub pid: Option<u32>,
    /// How many seconds ago it started, if known.
    pub age: Option<u64>,
}

impl PendingWrite {
    /// A write of which only this is known.
    pub fn of_unknown(write: String) -> Self {
        let (pid, age) = (None, None);
        Self { write, pid, age }
    }

    /// Whether it takes longer than `deadline`. So does a write of unknown age.
    pub fn is_older_than(&self, deadline: Duration) -> bool {
        self.age
            .is_none_or(|age| Duration::from_secs(age) >= deadline)
    }
}

impl fmt::Display for PendingWrite {
    /// `PATH <- VALUE (pid 4711, started 40 s ago)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(self.write.as_bytes()))?;
        let pid = self.pid.map(|pid| format!("pid {pid}"));
        let age = self.age.map(|age| format!("started {}", ago(age)));
        let facts: Vec<String> = pid.into_iter().chain(age).collect();
        match facts.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", facts.join(", ")),
        }
    }
}
