//! `gpupci splice`: adds a guest's cards to the domain XML on standard input.

use std::io::{self, Read};

use anyhow::{Context, Result};
use gpupt::database::Database;
use gpupt::domain_xml::{BYTES_MAX, XmlError};
use gpupt::error::Error;
use gpupt::guest::{GuestName, retarget_guest, splice_guest};
use gpupt::host::Machine;
use gpupt::settings::{Settings, database_of};

use crate::args::{Global, SpliceArguments};
use crate::report::Answer;

pub(crate) fn run(
    arguments: &SpliceArguments,
    global: &Global,
    machine: &Machine,
) -> Result<Answer> {
    let settings = Settings::of(machine).map_err(Error::from)?;
    let url = database_of(machine, &settings, global.database().as_deref()).map_err(Error::from)?;
    let xml = domain_xml()?;
    let mut database = Database::at(url);
    let change = if arguments.retarget {
        retarget_guest
    } else {
        splice_guest
    };
    let guest = match arguments.exact {
        true => GuestName::Exact(&arguments.guest),
        false => GuestName::Any(&arguments.guest),
    };
    let text = change(guest, &xml, &mut database, machine)?;
    Ok(Answer {
        text,
        ..Answer::default()
    })
}

/// Standard input, up to one byte more than the limit: this byte shows that the input is too long.
fn domain_xml() -> Result<Vec<u8>> {
    let mut xml = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut xml)
        .context("cannot read domain XML")?;
    // The output is the input if nothing changes: a truncated input must never be printed.
    if xml.len() > BYTES_MAX {
        return Err(Error::Xml(XmlError::TooLarge).into());
    }
    Ok(xml)
}
