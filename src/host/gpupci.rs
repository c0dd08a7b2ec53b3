//! `gpupci`, asked by the hook: the hook itself knows no database.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::exit::Exit;
use crate::host::Machine;
use crate::host::kernel::finish_fed;
use crate::paths::GPUPCI;
use crate::pci::PciSlot;

/// It asks the database, and that has 5 seconds.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

impl Machine {
    /// `xml` as `gpupci splice` gives it for this guest. The XML goes by a pipe: it may hold passwords.
    ///
    /// # Errors
    /// Why there is none.
    pub fn splice(&self, guest: &str, retarget: bool, xml: &[u8]) -> Result<Vec<u8>, String> {
        let mut words = vec!["splice", "--exact"];
        words.extend(retarget.then_some("--retarget"));
        words.extend(["--", guest]);
        let output = self.ask_gpupci(&words, xml)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(complaint(&output)),
        }
    }

    /// What `gpupci host allows` has against it that this guest gets the cards in `slots`: nothing, or a
    /// sentence.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn given_away(&self, guest: &str, slots: &[PciSlot]) -> Result<Option<String>, String> {
        let slots: Vec<String> = slots.iter().map(PciSlot::to_string).collect();
        let mut words = vec!["host", "allows", "--", guest];
        words.extend(slots.iter().map(String::as_str));
        let output = self.ask_gpupci(&words, &[])?;
        match output.status.code() {
            Some(0) => Ok(None),
            Some(code) if code == i32::from(Exit::Busy.code()) => {
                let said = String::from_utf8_lossy(&output.stdout);
                Ok(Some(said.lines().collect::<Vec<_>>().join("; ")))
            }
            _ => Err(complaint(&output)),
        }
    }

    /// Has `gpupci`, which may ask the database, answer.
    fn ask_gpupci(&self, words: &[&str], input: &[u8]) -> Result<Output, String> {
        let mut gpupci = Command::new(self.path(GPUPCI));
        gpupci.args(words).stdout(Stdio::piped());
        gpupci.stderr(Stdio::piped());
        let output = finish_fed(gpupci, input.to_vec(), ANSWER_DEADLINE);
        output.map_err(|why| format!("{GPUPCI}: {why}"))
    }
}

/// What a program said that failed: its first line.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().next() {
        Some(line) => line.to_owned(),
        None => format!("{GPUPCI}: {}", output.status),
    }
}
