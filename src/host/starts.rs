//! What the hook records when libvirt runs it: the result of a guest's start, and that it ran.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::elapsed::ago;
use crate::host::{Machine, StateFileError};
use crate::paths::{HOOK_LAST_RUN, RUN, STARTS};
use crate::uuid::GuestUuid;

/// A mark that is younger than this is not renewed.
const MARK_VALID: Duration = Duration::from_secs(2);

/// The record of the last start of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The guest's name at that time.
    pub guest: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why the hook refused it; `None` if it did not.
    pub refused: Option<String>,
    /// The codes of the refusal. Earlier releases do not record them.
    #[serde(default)]
    pub codes: Vec<String>,
    /// What the guest claimed, by which it can be judged again. Its XML is not kept: it may hold passwords.
    #[serde(default)]
    pub claims: Vec<String>,
}

impl Machine {
    /// The record of the last start of the guest with this uuid.
    pub fn last_start(&self, uuid: &GuestUuid) -> Option<Start> {
        serde_json::from_str(&self.text(&format!("{STARTS}/{uuid}.json"))?).ok()
    }

    /// The guests that the hook has recorded, with their last starts.
    pub fn recorded_starts(&self) -> Vec<(GuestUuid, Start)> {
        let names = self.children(STARTS).into_iter();
        let uuids = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok());
        let starts = uuids.filter_map(|uuid| self.last_start(&uuid).map(|start| (uuid, start)));
        starts.collect()
    }

    /// Records a start of the guest with this uuid.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save_start(&self, uuid: &GuestUuid, start: &Start) -> Result<(), StateFileError> {
        let text = serde_json::to_string_pretty(start).unwrap_or_default();
        self.write_state_file(STARTS, &format!("{STARTS}/{uuid}.json"), &text)
    }

    /// Marks that libvirt has run the hook. A mark of the last seconds is not renewed, because each
    /// guest waits for this; an older one may be from before the daemon was started.
    pub fn mark_hook_run(&self) {
        let mark = fs::metadata(self.path(HOOK_LAST_RUN)).and_then(|facts| facts.modified());
        let age = mark.ok().and_then(|mark| mark.elapsed().ok());
        if age.is_some_and(|age| age < MARK_VALID) {
            return;
        }
        // Only `gpupci hook status` and `check` read it.
        let _ = self.write_state_file(RUN, HOOK_LAST_RUN, &now().to_string());
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        now()
    }
}

impl Start {
    /// How long ago it was, as text.
    pub fn age(&self) -> String {
        ago(now().saturating_sub(self.at))
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
