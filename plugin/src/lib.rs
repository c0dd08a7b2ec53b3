//! The C library of gpupt that the Rocks commands load: `include/gpupt.h` is its contract.
//!
//! It is a separate package because a C ABI needs `unsafe`, which the library forbids. Only `ffi` uses
//! `unsafe`, and it has nothing else.

pub mod ffi;
mod sessions;

use std::ffi::OsString;

use gpupt::database::Database;
use gpupt::domain_xml::DevicesError;
use gpupt::error::Error;
use gpupt::escape::printable;
use gpupt::failure::lines;
use gpupt::guest::{GuestName, Report, splice_guest};
use gpupt::host::Machine;
use gpupt::settings::{Settings, database_of, grammar_of};

/// `xml` with the cards of `guest`. The database is chosen as `gpupci` does, with the environment variables
/// `GPUPT_ROOT` and `GPUPT_DATABASE` instead of options.
///
/// # Errors
/// As `gpupci splice`.
pub fn splice(guest: &str, xml: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut database, machine) = chosen()?;
    splice_guest(GuestName::Any(guest), xml, &mut database, &machine)
}

/// The guests of one report, from one statement on one connection.
#[derive(Default)]
pub struct Session(Option<Report>);

impl Session {
    /// As [`splice`]. The database is chosen at the first guest, and the cluster is read then.
    ///
    /// # Errors
    /// As [`splice`]. What fails before the cluster is read is tried again for the next guest.
    pub fn splice(&mut self, guest: &str, xml: &[u8]) -> Result<Vec<u8>, Error> {
        let report = match &mut self.0 {
            Some(report) => report,
            none => {
                let (database, machine) = chosen()?;
                none.insert(Report::new(database, machine))
            }
        };
        report.splice(GuestName::Any(guest), xml)
    }
}

/// The database that the environment and the settings choose, on the machine of the environment.
fn chosen() -> Result<(Database, Machine), Error> {
    let machine = machine();
    let url = database_of(&machine, &Settings::of(&machine)?, named().as_deref())?;
    Ok((Database::at(url), machine))
}

/// The message of an error in the grammar of `rocks`, which asked. Rocks gives `<devices>` alone.
pub fn message(guest: &str, xml: &[u8], error: Error) -> String {
    let message = match error {
        Error::Xml(source) if xml.trim_ascii_start().starts_with(b"<devices") => {
            let guest = printable(guest.as_bytes()).into_owned();
            lines(&DevicesError { guest, source })
        }
        other => lines(&other),
    };
    grammar_of(&machine(), named().as_deref(), true).spell(&message)
}

/// The database that the environment names.
fn named() -> Option<String> {
    set("GPUPT_DATABASE").map(|url| url.to_string_lossy().into_owned())
}

fn machine() -> Machine {
    Machine::at(set("GPUPT_ROOT").unwrap_or_else(|| OsString::from("/")))
}

/// A variable of the environment that is not empty.
fn set(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}
