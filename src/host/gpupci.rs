//! Runs `gpupci` for the hook, which has no code for databases.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::exit::Exit;
use crate::host::Machine;
use crate::host::kernel::run_with_input;
use crate::paths::GPUPCI;
use crate::pci::PciSlot;

/// `gpupci` queries the database, with 5 seconds for each answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

impl Machine {
    /// The output of `gpupci splice` for `xml` of this guest. The XML goes through a pipe, because it may
    /// hold passwords.
    ///
    /// # Errors
    /// The message of `gpupci`.
    pub fn splice(&self, guest: &str, retarget: bool, xml: &[u8]) -> Result<Vec<u8>, String> {
        let mut words = vec!["splice", "--exact"];
        words.extend(retarget.then_some("--retarget"));
        words.extend(["--", guest]);
        let output = self.run_gpupci(&words, xml)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(error_line(&output)),
        }
    }

    /// Why this guest may not have the cards in `slots`, by `gpupci host allows`; `None` if it may.
    ///
    /// # Errors
    /// The message of `gpupci`.
    pub fn assigned_elsewhere(
        &self,
        guest: &str,
        slots: &[PciSlot],
    ) -> Result<Option<String>, String> {
        let slots: Vec<String> = slots.iter().map(PciSlot::to_string).collect();
        let mut words = vec!["host", "allows", "--", guest];
        words.extend(slots.iter().map(String::as_str));
        let output = self.run_gpupci(&words, &[])?;
        match output.status.code() {
            Some(0) => Ok(None),
            Some(code) if code == i32::from(Exit::Busy.code()) => {
                let message = String::from_utf8_lossy(&output.stdout);
                Ok(Some(message.lines().collect::<Vec<_>>().join("; ")))
            }
            _ => Err(error_line(&output)),
        }
    }

    /// Runs `gpupci`.
    fn run_gpupci(&self, words: &[&str], input: &[u8]) -> Result<Output, String> {
        let program = self.own_program(GPUPCI);
        let program = program.ok_or_else(|| format!("{GPUPCI}: not run in a tree of files"))?;
        let mut gpupci = Command::new(program);
        gpupci.args(words).stdout(Stdio::piped());
        gpupci.stderr(Stdio::piped());
        let output = run_with_input(gpupci, input.to_vec(), ANSWER_DEADLINE);
        output.map_err(|why| format!("{GPUPCI}: {why}"))
    }
}

/// The first line of a failed program's standard error.
fn error_line(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr);
    match message.lines().next() {
        Some(line) => line.to_owned(),
        None => format!("{GPUPCI}: {}", output.status),
    }
}
