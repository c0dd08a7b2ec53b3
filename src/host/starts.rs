//! What the hook writes down when libvirt runs it: how the last start of a guest went, and that it ran.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::domain_xml::is_uuid;
use crate::elapsed::ago;
use crate::host::{KeptError, Machine};
use crate::paths::{HOOK_SEEN, RUN, STARTS};

const MARK_LASTS: Duration = Duration::from_secs(2);

/// What the hook said of the last start of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The guest's name at that time.
    pub guest: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why it was refused; nothing when it was not.
    pub refused: Option<String>,
}

impl Machine {
    /// What the hook wrote down of the last start of the guest with this uuid.
    pub fn last_start(&self, uuid: &str) -> Option<Start> {
        let path = is_uuid(uuid).then(|| format!("{STARTS}/{uuid}.json"))?;
        serde_json::from_str(&self.text(&path)?).ok()
    }

    /// Writes down how a start of the guest with this uuid went.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_start(
        &self,
        uuid: &str,
        guest: &str,
        refused: Option<&str>,
    ) -> Result<(), KeptError> {
        let start = Start {
            guest: guest.to_owned(),
            at: now(),
            refused: refused.map(str::to_owned),
        };
        let text = serde_json::to_string(&start).unwrap_or_default();
        self.keep(STARTS, &format!("{STARTS}/{uuid}.json"), &text)
    }

    /// Leaves a mark that libvirt has run the hook. One of just now is good enough: every guest waits for
    /// this. An older one may be of the daemon before this one.
    pub fn mark_seen(&self) {
        let mark = fs::metadata(self.path(HOOK_SEEN)).and_then(|facts| facts.modified());
        let age = mark.ok().and_then(|mark| mark.elapsed().ok());
        if age.is_some_and(|age| age < MARK_LASTS) {
            return;
        }
        // Without it only `gpupci hook status` and `check` know less.
        let _ = self.keep(RUN, HOOK_SEEN, &now().to_string());
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        now()
    }
}

impl Start {
    /// How long ago it was, in words.
    pub fn age(&self) -> String {
        ago(now().saturating_sub(self.at))
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
