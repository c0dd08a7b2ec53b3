//! The record of a card: its drivers and overrides before it was detached. It is written before the first
//! write to the kernel, so a crash at any point loses nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::binding::{Binding, PendingWrite};
use crate::pci::{DriverName, PciAddress, PciSlot};
use crate::uuid::GuestUuid;

const VERSION: u32 = 1;

/// Driver and override of one function before it was detached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Which function.
    #[serde(with = "as_text")]
    pub function: PciAddress,
    /// The driver it was bound to.
    #[serde(with = "as_optional_text")]
    pub driver: Option<DriverName>,
    /// The module of that driver.
    pub module: Option<String>,
    /// Its override.
    pub driver_override: Option<String>,
    /// The driver that it was bound to for a guest, if that was not vfio-pci.
    #[serde(
        default,
        with = "as_optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub stub: Option<DriverName>,
}

impl Former {
    /// The function as it is now, with the driver that it was bound to for a guest. The settings may have
    /// changed, and a guest's XML may have named the driver.
    pub fn seen(&self, now: Binding) -> Binding {
        Binding {
            stub: self.stub.clone().unwrap_or_else(DriverName::vfio_pci),
            ..now
        }
    }
}

impl From<&Binding> for Former {
    fn from(binding: &Binding) -> Self {
        Self {
            function: binding.function,
            driver: binding.driver.clone(),
            module: binding.module.clone(),
            driver_override: binding.driver_override.clone(),
            stub: (binding.stub != DriverName::vfio_pci()).then(|| binding.stub.clone()),
        }
    }
}

/// How far detach or attach has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Being detached, or the program died while it was.
    Detaching,
    /// Detached.
    Detached,
    /// Being attached, or the program died while it was.
    Attaching,
}

/// The guest that a card is prepared for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The guest's uuid. Names can change.
    pub uuid: GuestUuid,
    /// Its name at that time.
    pub guest: String,
    /// When it was prepared, in seconds since 1970.
    pub since: u64,
    /// Whether the card was detached before, so that it stays detached when the guest ends.
    pub was_detached: bool,
    /// The process that called the hook, until it calls `release`: its id, and when it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<String>,
}

/// The record of a card that is away from its host drivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardRecord {
    version: u32,
    /// The boot it is valid for (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// How far detach or attach has come.
    pub phase: Phase,
    /// Its functions as they were.
    pub functions: Vec<Former>,
    /// The guest that has it or is about to start with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// A write that had not ended at its deadline. Whether it has ended since, the lock of its writer tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poisoned: Option<String>,
}

/// The version of a record of any release.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Why a record is not valid.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not a record.
    #[error("not a valid record of a card")]
    Grammar(#[from] serde_json::Error),
    /// Another release wrote it.
    #[error("version {0} is not supported; this program reads version {VERSION}")]
    Version(u32),
}

impl CardRecord {
    /// The record of a card that is about to be detached. Functions that are already on their stub driver, or that an
    /// interrupted command left, keep what was recorded of them. So do functions that are not part of the card now.
    pub fn before_detaching(boot: String, bindings: &[Binding], earlier: Option<&Self>) -> Self {
        let is_away = |binding: &Binding, record: &Self| {
            record.phase != Phase::Detached || binding.is_detached()
        };
        let former = |binding: &Binding| match earlier.filter(|record| is_away(binding, record)) {
            // A function that another program detached has no record.
            Some(record) => record.former(binding.function).cloned(),
            None => Some(Former::from(binding)),
        };
        let is_other = |former: &&Former| bindings.iter().all(|b| b.function != former.function);
        let others = earlier.iter().flat_map(|record| &record.functions);
        let others = others.filter(is_other).cloned();
        Self {
            version: VERSION,
            boot,
            phase: Phase::Detaching,
            functions: bindings.iter().filter_map(former).chain(others).collect(),
            holder: earlier.and_then(|record| record.holder.clone()),
            poisoned: None,
        }
    }

    /// The record of a card that another program detached: nothing is known of its functions.
    pub fn of_unknown(boot: String) -> Self {
        Self {
            version: VERSION,
            boot,
            phase: Phase::Attaching,
            functions: Vec::new(),
            holder: None,
            poisoned: None,
        }
    }

    /// The record in this phase. A card comes to it only when no write is under way.
    pub fn in_phase(self, phase: Phase) -> Self {
        Self {
            phase,
            poisoned: None,
            ..self
        }
    }

    /// Whether a command is at work on the card, or was interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.phase != Phase::Detached
    }

    /// The record with this holder.
    pub fn held_by(self, holder: Option<Holder>) -> Self {
        Self { holder, ..self }
    }

    /// The write that had not ended at its deadline.
    pub fn marked_write(&self) -> Option<PendingWrite> {
        self.poisoned.clone().map(PendingWrite::of_unknown)
    }

    /// `function` as it was.
    pub fn former(&self, function: PciAddress) -> Option<&Former> {
        self.functions.iter().find(|f| f.function == function)
    }

    /// Parses what [`CardRecord::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not a record of this version.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        // A newer record may have fields that are unknown here, so the version comes first.
        match serde_json::from_str(text)? {
            Version { version } if version != VERSION => Err(RecordError::Version(version)),
            _ => Ok(serde_json::from_str(text)?),
        }
    }

    /// The record as text for its file.
    pub fn to_json(&self) -> String {
        // Text and numbers cannot fail to become JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The name of the file for the card in `slot`.
    pub fn file_name(slot: PciSlot) -> String {
        format!("{slot}.json")
    }

    /// The slot of the card whose record has this file name.
    pub fn slot_of(file_name: &str) -> Option<PciSlot> {
        let address: PciAddress = file_name.strip_suffix(".json")?.parse().ok()?;
        let slot = address.slot();
        (Self::file_name(slot) == file_name).then_some(slot)
    }
}

mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

mod as_optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse().map_err(de::Error::custom))
            .transpose()
    }
}
