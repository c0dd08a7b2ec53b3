//! The records of cards: in `/run` their former drivers, valid until the next boot; in `/var/lib`
//! their names.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

use crate::binding::{CardRecord, RecordError};
use crate::failure::{Code, Failure, UNCHANGED, remedy};
use crate::gpu::{Register, RegisterError};
use crate::host::{Machine, is_forbidden};
use crate::paths::{BOOT_ID, CARD_NAMES, CARD_RECORDS, STATE};
use crate::pci::PciSlot;
use crate::uuid::GuestUuid;

/// Why a record cannot be read or written.
#[derive(Debug, Error)]
pub enum StateFileError {
    /// The file of names cannot be read.
    #[error("cannot read {path}")]
    ReadNames {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A record cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file cannot be written or removed.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A record cannot be parsed.
    #[error("cannot parse {path}")]
    Record {
        /// The file.
        path: PathBuf,
        /// The error.
        source: RecordError,
    },
    /// The file of names cannot be parsed.
    #[error("cannot parse {path}")]
    Names {
        /// The file.
        path: PathBuf,
        /// The error.
        source: RegisterError,
    },
}

impl Failure for StateFileError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::ReadNames { source, .. } | Self::Read { source, .. } if is_forbidden(source) => {
                Code::NotRoot
            }
            Self::ReadNames { .. } | Self::Names { .. } => Code::CardNames,
            Self::Read { .. } | Self::Record { .. } => Code::CardRecord,
            Self::Write { .. } => Code::NotRecorded,
        }]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        vec![match self {
            Self::ReadNames { source, path } | Self::Read { source, path }
                if is_forbidden(source) =>
            {
                let folder = path.parent().unwrap_or(path).display();
                format!("run this as root, or let every user read it: chmod -R a+rX {folder}")
            }
            Self::ReadNames { .. } | Self::Names { .. } => remedy::RENUMBER.to_owned(),
            // To move it away would lose the way back to the host drivers.
            Self::Record {
                source: RecordError::Version(_),
                ..
            } => "upgrade gpupt: a newer release wrote this record, and can restore the card"
                .to_owned(),
            Self::Read { path, .. } | Self::Record { path, .. } => {
                format!("check {}, move it away, then try again", path.display())
            }
            Self::Write { .. } => remedy::WRITABLE.to_owned(),
        }]
    }
}

impl Machine {
    /// The id of this boot. A record of another boot is void.
    pub fn boot_id(&self) -> String {
        self.text(BOOT_ID).unwrap_or_default().trim().to_owned()
    }

    /// The record of the card in `slot`, if it is of this boot.
    ///
    /// # Errors
    /// If there is one and it cannot be read.
    pub fn card_record(&self, slot: PciSlot) -> Result<Option<CardRecord>, StateFileError> {
        let path = record_path(slot);
        let Some(text) = self.read_state_file(&path)? else {
            return Ok(None);
        };
        let record = CardRecord::from_json(&text).map_err(|source| StateFileError::Record {
            path: self.path(&path),
            source,
        })?;
        Ok(Some(record).filter(|record| record.boot == self.boot_id()))
    }

    /// The slots with a record.
    pub fn recorded_slots(&self) -> Vec<PciSlot> {
        let names = self.children(CARD_RECORDS);
        names
            .iter()
            .filter_map(|name| CardRecord::slot_of(name))
            .collect()
    }

    /// The slots of the cards that are recorded for the guest with this uuid.
    pub fn slots_held_by(&self, uuid: &GuestUuid) -> Vec<PciSlot> {
        let mut slots = self.recorded_slots();
        slots.retain(|slot| {
            let record = self.card_record(*slot).ok().flatten();
            let holder = record.and_then(|record| record.holder);
            holder.is_some_and(|holder| holder.uuid == *uuid)
        });
        slots
    }

    /// The uuids of the guests of this name for which cards are recorded.
    pub fn holders_named(&self, name: &str) -> Vec<GuestUuid> {
        let slots = self.recorded_slots().into_iter();
        let records = slots.filter_map(|slot| self.card_record(slot).ok().flatten());
        let holders = records.filter_map(|record| record.holder);
        let named = holders.filter(|holder| holder.guest == name);
        let mut uuids: Vec<GuestUuid> = named.map(|holder| holder.uuid).collect();
        uuids.sort();
        uuids.dedup();
        uuids
    }

    /// The errors of unreadable records.
    pub fn record_errors(&self) -> Vec<StateFileError> {
        let slots = self.recorded_slots().into_iter();
        slots
            .filter_map(|slot| self.card_record(slot).err())
            .collect()
    }

    /// Writes the record of the card in `slot` atomically.
    ///
    /// # Errors
    /// If it cannot be written; the former record then remains.
    pub fn save_record(&self, slot: PciSlot, record: &CardRecord) -> Result<(), StateFileError> {
        self.write_state_file(CARD_RECORDS, &record_path(slot), &record.to_json())
    }

    /// Removes the record of the card in `slot`.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove_record(&self, slot: PciSlot) -> Result<(), StateFileError> {
        let path = record_path(slot);
        self.remove(&path).map_err(|source| StateFileError::Write {
            path: self.path(&path),
            source,
        })
    }

    /// The recorded names of cards.
    ///
    /// # Errors
    /// If their file exists and cannot be read.
    pub fn names(&self) -> Result<Register, StateFileError> {
        let text = self
            .read_state_file(CARD_NAMES)
            .map_err(|error| match error {
                StateFileError::Read { path, source } => StateFileError::ReadNames { path, source },
                other => other,
            });
        let Some(text) = text? else {
            return Ok(Register::default());
        };
        Register::from_json(&text).map_err(|source| StateFileError::Names {
            path: self.path(CARD_NAMES),
            source,
        })
    }

    /// Records the names of cards atomically.
    ///
    /// # Errors
    /// If they cannot be written; the former names then remain.
    pub fn save_names(&self, names: &Register) -> Result<(), StateFileError> {
        self.write_state_file(STATE, CARD_NAMES, &names.to_json())
    }

    fn read_state_file(&self, path: &str) -> Result<Option<String>, StateFileError> {
        let failed = |source| StateFileError::Read {
            path: self.path(path),
            source,
        };
        match self.read(path).map_err(failed)? {
            // A dangling link is not a missing file: its target may return.
            None if self.path(path).is_symlink() => Err(failed(Errno::ENOENT.into())),
            text => Ok(text),
        }
    }

    pub(super) fn write_state_file(
        &self,
        folder: &str,
        path: &str,
        text: &str,
    ) -> Result<(), StateFileError> {
        let written = self
            .make_folder(folder)
            .and_then(|()| self.replace(path, text));
        written.map_err(|source| StateFileError::Write {
            path: self.path(path),
            source,
        })
    }
}

fn record_path(slot: PciSlot) -> String {
    format!("{CARD_RECORDS}/{}", CardRecord::file_name(slot))
}
